// The filter: a method is shown if it is ticked and the search finds it.

const search = document.getElementById("search");
const chooser = document.getElementById("chooser");
const boxes = [...chooser.querySelectorAll("input")];

function applyFilter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = ({ name, title, kind, knows }) => {
    const text = `${name} ${title} ${kind} ${knows}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const chosen = boxes.filter((box) => box.checked && found(looks.get(box.value)));
  const all = chosen.length === boxes.length;
  document.getElementById("shown").textContent = all
    ? `all ${boxes.length} methods`
    : `${chosen.length} of ${boxes.length} methods`;
  document.getElementById("empty").hidden = chosen.length > 0;
  showMethods(chosen.map((box) => box.value));
  remember();
}

/** Keep what is shown in the address, so that a link shows the same. */
let recalled = false;
function remember() {
  if (!recalled) return;
  const state = new URLSearchParams();
  if (search.value) state.set("search", search.value);
  const hidden = boxes.filter((box) => !box.checked).map((box) => box.value);
  if (hidden.length) state.set("hidden", hidden.join(" "));
  for (const button of document.querySelectorAll('.tabs [data-panel][aria-pressed="true"]')) {
    const first = button.parentElement.querySelector("[data-panel]");
    if (button !== first) state.append("panel", button.dataset.panel);
  }
  const text = state.toString();
  if (!text && !location.hash.includes("=")) return; // a section's own address
  if (text !== location.hash.slice(1)) {
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }
}

/** Show what the address says, once all parts are there. */
function recall() {
  const state = new URLSearchParams(location.hash.slice(1));
  recalled = true;
  if (![...state.keys()].some((key) => ["search", "hidden", "panel"].includes(key))) return;
  search.value = state.get("search") ?? "";
  const hidden = new Set((state.get("hidden") ?? "").split(" "));
  for (const box of boxes) box.checked = !hidden.has(box.value);
  for (const name of state.getAll("panel")) {
    document.querySelector(`.tabs [data-panel="${CSS.escape(name)}"]`)?.click();
  }
  applyFilter();
}

document.getElementById("unfilter").addEventListener("click", () => {
  search.value = "";
  for (const box of boxes) box.checked = true;
  applyFilter();
  search.focus();
});

search.addEventListener("input", applyFilter);
chooser.addEventListener("change", applyFilter);
chooser.addEventListener("click", (event) => {
  const which = event.target.dataset.choose;
  if (!which) return;
  for (const box of boxes) box.checked = which === "all" || looks.get(box.value).kind === which;
  applyFilter();
});
chooser.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  chooser.open = false;
  chooser.querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  if (!chooser.contains(event.target)) chooser.open = false;
});
