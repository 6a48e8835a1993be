// The gallery: a row per method, a column per image; the tiles of a row share one mosaic.

/** Side of a tile on the page: a whole multiple of small tiles, so that pixels stay even. */
function tileSide(group) {
  const side = Math.max(...group.tile);
  return side >= 64 ? Math.min(side, 96) : side * Math.floor(64 / side);
}

const mosaicStyle = (group) => `--side: ${tileSide(group)}px; --count: ${group.images.length}`;

function tileButton(group, position, name, entry, method) {
  const image = group.images[position];
  const missing = entry.missing?.[image];
  const score = entry.scores?.[image]?.psnr;
  const decibels = score === undefined || score === null ? "" : `, ${score.toFixed(2)} dB`;
  const button = make("button", {
    type: "button",
    className: "tile",
    tabIndex: method === null && name === "observation" ? 0 : -1,
    style: `--i: ${position}`,
    "aria-label": `Image ${image}, ${name}${missing ? `, ${missing}` : decibels}`,
    title: `${image}, ${name}${missing ? `, ${missing}` : decibels}`,
  });
  if (missing) {
    button.classList.add("missing");
    button.textContent = "–";
  }
  button.addEventListener("click", () => openViewer(group, position, method));
  return make("td", {}, button);
}

function galleryRow(group, name, entry, method) {
  const row = make("tr");
  if (method) row.dataset.method = method;
  if (entry.images !== null) row.style.setProperty("--mosaic", `url("${mosaicUrl(entry.images)}")`);
  const label = method ? [swatch(method), make("code", {}, name)] : [make("span", {}, name)];
  row.append(make("th", { scope: "row" }, ...label));
  group.images.forEach((_, i) => row.append(tileButton(group, i, name, entry, method)));
  return row;
}

function fillGallery(group) {
  const panel = document.getElementById(group.id);
  const head = make("tr", {}, make("td"));
  for (const image of group.images) head.append(make("th", { scope: "col" }, image));
  const body = make("tbody");
  body.append(galleryRow(group, "observation", group.observation, null));
  for (const [method, entry] of Object.entries(group.methods)) {
    if (entry.images !== null) body.append(galleryRow(group, method, entry, method));
  }
  body.append(galleryRow(group, "truth", group.truth, null));
  const table = make("table", { className: "mosaic", style: mosaicStyle(group) });
  const caption = `${group.title || group.dataset}; ${group.condition}.`;
  table.append(make("caption", {}, make("span", {}, caption)));
  table.append(make("thead", {}, head), body);
  table.addEventListener("keydown", moveFocus);
  panel.append(make("div", { className: "scroll" }, table));
}

/** Arrow keys go from tile to tile, past hidden rows. */
function moveFocus(event) {
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const step = steps[event.key];
  const cell = event.target.closest("td");
  if (!step || !cell) return;
  event.preventDefault();
  const rows = [...event.currentTarget.tBodies[0].rows].filter((row) => !row.hidden);
  const row = rows[rows.indexOf(cell.parentElement) + step[0]];
  row?.cells[cell.cellIndex + step[1]]?.querySelector("button")?.focus();
}

/** A gallery is made when it is first looked at. */
for (const group of data.groups) {
  const panel = document.getElementById(group.id);
  whenSeen(panel, () => {
    fillGallery(group);
    for (const row of panel.querySelectorAll("tr[data-method]")) {
      row.hidden = !shown.has(row.dataset.method);
    }
  });
}
