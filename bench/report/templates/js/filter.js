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

keep("search", () => search.value || null, (text) => {
  search.value = text ?? "";
});

/** The shorter of the two lists: what is ticked, or what is not. */
const ticked = (yes) => boxes.filter((box) => box.checked === yes).map((box) => box.value);
keep("only", () => (ticked(true).length < ticked(false).length ? ticked(true).join(" ") : null), (names) => {
  const only = names?.split(" ");
  for (const box of boxes) box.checked = only === undefined || only.includes(box.value);
});
keep("hidden", () => {
  const hidden = ticked(false);
  return hidden.length && hidden.length <= ticked(true).length ? hidden.join(" ") : null;
}, (names) => {
  const hidden = names?.split(" ") ?? [];
  for (const box of boxes) box.checked &&= !hidden.includes(box.value);
  applyFilter();
});

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

// What unfolds is folded again by Escape and by a click elsewhere.
for (const unfolded of document.querySelectorAll(".filter details")) {
  unfolded.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    unfolded.open = false;
    unfolded.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => {
    if (!unfolded.contains(event.target)) unfolded.open = false;
  });
}
