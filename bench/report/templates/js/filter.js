// The filter: a method is shown if it is ticked and the search finds it.

const search = document.getElementById("search");
const chooser = document.getElementById("chooser");
const boxes = [...chooser.querySelectorAll("input")];

function applyFilter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = ({ name, kind, knows }) => {
    const text = `${name} ${kind} ${knows}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const chosen = boxes.filter((box) => box.checked && found(looks.get(box.value)));
  const all = chosen.length === boxes.length;
  document.getElementById("shown").textContent = all
    ? `all ${boxes.length} methods`
    : `${chosen.length} of ${boxes.length} methods`;
  showMethods(chosen.map((box) => box.value));
}

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
