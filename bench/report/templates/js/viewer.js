// The viewer: one image at a time, one method beside the truth, all methods to choose from.

const viewer = document.getElementById("viewer");
const part = (name) => document.getElementById(name);
const scoreNames = {
  psnr: ["PSNR", 2, " dB"],
  psnr_centred: ["PSNR centred", 2, " dB"],
  ssim: ["SSIM (volume)", 3, ""],
  gmsd: ["GMSD", 3, ""],
  kernel_similarity: ["kernel similarity", 3, ""],
  residual: ["residual", 4, ""],
  seconds: ["time", 2, " s"],
};
const at = { group: null, position: 0, method: null };
let drawing = 0;

function openViewer(group, position, method) {
  Object.assign(at, { group, position, method: method ?? at.method });
  if (!viewer.open) viewer.showModal();
  render();
}

/** Methods with a picture in this group that the filter leaves; all if it leaves none. */
function candidates() {
  const names = Object.keys(at.group.methods).filter((name) => at.group.methods[name].images !== null);
  const left = names.filter((name) => shown.has(name));
  return left.length ? left : names;
}

async function render() {
  const turn = ++drawing;
  const { group, position } = at;
  const names = candidates();
  if (!names.includes(at.method)) {
    at.method = names.find((name) => looks.get(name).kind === "method" && name !== "blurry") ?? names[0];
  }
  const image = group.images[position];
  part("viewer-title").textContent = `${group.dataset}, image ${image}`;
  part("viewer-position").textContent = `${position + 1} of ${group.images.length}`;
  // Not `disabled`, which would take the focus, and the arrow keys with it, out of the viewer.
  const last = group.images.length - 1;
  part("viewer-previous").setAttribute("aria-disabled", position === 0);
  part("viewer-next").setAttribute("aria-disabled", position === last);
  const estimated = group.methods[at.method]?.kernels ?? null;
  part("stage-name").textContent = `${at.method}${estimated === null ? "" : ", and its kernel"}`;
  renderScores(image);
  renderLoss(image);
  renderMethods(names, image);
  await renderStage(turn);
}

async function renderStage(turn) {
  const { group, position } = at;
  const entry = group.methods[at.method] ?? { images: null, kernels: null, missing: {} };
  const there = !(group.images[position] in entry.missing);
  const zoom = Math.max(1, Math.floor(192 / Math.max(...group.tile)));
  viewer.style.setProperty("--stage", `${zoom * group.tile[0]}px`);
  await Promise.all([
    drawTile(part("stage-observation"), group.observation.images, group.tile, position),
    drawTile(part("stage-truth"), group.truth.images, group.tile, position),
    drawTile(part("stage-restored"), entry.images, group.tile, position),
    drawTile(part("stage-true-kernel"), group.truth.kernels, group.truth.kernel_tile, position),
    drawTile(part("stage-kernel"), there ? entry.kernels : null, entry.kernel_tile, position),
  ]);
  if (turn !== drawing) return;
  part("stage-error").hidden = !there || entry.images === null;
  if (!part("stage-error").hidden) {
    drawError(part("stage-error"), part("stage-restored"), part("stage-truth"));
  }
  remember();
  viewer.dataset.drawn = `${group.dataset}/${group.images[position]}/${at.method}`;
}

function renderScores(image) {
  const entry = at.group.methods[at.method];
  const scores = entry?.scores[image] ?? {};
  const list = part("viewer-scores");
  list.replaceChildren();
  for (const [name, [title, digits, unit]] of Object.entries(scoreNames)) {
    if (!(name in scores)) continue;
    const text = scores[name] === null ? "∞" : scores[name].toFixed(digits) + unit;
    list.append(make("div", {}, make("dt", {}, title), make("dd", {}, text)));
  }
  const missing = entry?.missing[image];
  if (missing) list.append(make("div", {}, make("dt", {}, "restoration"), make("dd", {}, missing)));
}

function renderLoss(image) {
  const trace = at.group.methods[at.method]?.traces[image];
  part("viewer-loss").hidden = !trace;
  part("viewer-no-loss").hidden = Boolean(trace);
  if (trace) drawLoss(part("viewer-loss"), trace, at.method);
}

function renderMethods(names, image) {
  const box = part("viewer-methods");
  const { group, position } = at;
  const focused = box.contains(document.activeElement);
  const side = tileSide(group);
  box.style.setProperty("--side", `${side < 64 ? 64 : side}px`);
  box.style.setProperty("--count", group.images.length);
  box.replaceChildren(
    ...names.map((name) => {
      const entry = group.methods[name];
      const score = entry.scores[image]?.psnr;
      const picture = make("span", {
        className: "tile",
        style: `--i: ${position}; --mosaic: url("${mosaicUrl(entry.images)}")`,
      });
      const value = typeof score === "number" ? `${score.toFixed(2)} dB` : (entry.missing[image] ?? "–");
      const pressed = { "aria-pressed": name === at.method };
      const button = make("button", { type: "button", "data-choice": name, ...pressed });
      button.append(picture, make("code", {}, name), make("small", {}, value));
      button.addEventListener("click", () => {
        at.method = name;
        render();
      });
      return button;
    }),
  );
  if (focused) box.querySelector('[aria-pressed="true"]')?.focus();
}

function step(by) {
  const next = at.position + by;
  if (next < 0 || next >= at.group.images.length) return;
  at.position = next;
  render();
}

part("viewer-previous").addEventListener("click", () => step(-1));
part("viewer-next").addEventListener("click", () => step(1));
part("viewer-close").addEventListener("click", () => viewer.close());
viewer.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  step(by);
});
viewer.addEventListener("click", (event) => {
  if (event.target === viewer) viewer.close(); // the backdrop
});

/** The image that is open, in the address. */
keep("image", () => (viewer.open ? [at.group.id, at.group.images[at.position], at.method].join("/") : null), (text) => {
  const [id, image, method] = text?.split("/") ?? [];
  const group = data.groups.find((one) => one.id === id);
  const position = group ? group.images.indexOf(image) : -1;
  if (position < 0) {
    if (viewer.open) viewer.close();
    return;
  }
  openViewer(group, position, method in group.methods ? method : null);
});
viewer.addEventListener("close", remember);
