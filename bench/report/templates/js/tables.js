// Tables: sorting by a heading, columns to choose, rows of hidden methods, and tabs that show one
// panel at a time.

/** Sort the rows of every group by a column; cells without a value stay last either way. */
function sortBy(heading) {
  const table = heading.closest("table");
  const numeric = heading.querySelector("button").dataset.sort === "number";
  const column = [...heading.parentElement.children].indexOf(heading);
  const before = heading.getAttribute("aria-sort");
  const first = numeric ? "descending" : "ascending";
  const second = numeric ? "ascending" : "descending";
  const direction = before === first ? second : first;
  for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const value = (row) => row.children[column].dataset.value;
  const compare = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
    return sign * (numeric ? Number(x) - Number(y) : x.localeCompare(y, "en"));
  };
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => row.dataset.method);
    body.append(...rows.sort(compare));
  }
}

for (const button of document.querySelectorAll("table.sortable th button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}

/** Hide what belongs to hidden methods, and groups that have nothing left. */
onMethods(() => {
  for (const row of document.querySelectorAll("main [data-method]")) {
    row.hidden = !shown.has(row.dataset.method);
  }
  for (const body of document.querySelectorAll("tbody[data-kind]")) {
    body.hidden = !body.querySelector("tr[data-method]:not([hidden])");
  }
});

const columnBoxes = [...document.querySelectorAll("#columns input")];
const columnsAtFirst = columnBoxes.filter((box) => box.checked).map((box) => box.value);
// A phone has room for the two headline metrics.
const usualColumns = matchMedia("(max-width: 40rem)").matches
  ? columnsAtFirst.filter((name) => data.metrics.some((metric) => metric.name === name))
  : columnsAtFirst;
const chosenColumns = () => columnBoxes.filter((box) => box.checked).map((box) => box.value);

/** Show the chosen columns, and the first if none is chosen. */
function showColumns(names) {
  const chosen = names.length ? names : [columnBoxes[0].value];
  for (const box of columnBoxes) box.checked = chosen.includes(box.value);
  for (const cell of document.querySelectorAll("table.sortable [data-column]")) {
    cell.hidden = !chosen.includes(cell.dataset.column);
  }
  const across = data.metrics.filter((metric) => chosen.includes(metric.name)).length;
  for (const heading of document.querySelectorAll("th.span")) {
    heading.hidden = across === 0;
    heading.colSpan = Math.max(across, 1);
  }
  remember();
}

document.getElementById("columns").addEventListener("change", () => showColumns(chosenColumns()));
keep(
  "columns",
  () => (chosenColumns().join() === usualColumns.join() ? null : chosenColumns().join(" ")),
  (names) => showColumns(names?.split(" ") ?? usualColumns),
);
showColumns(usualColumns);

const panelListeners = [];

for (const tabs of document.querySelectorAll(".tabs:has([data-panel])")) {
  const buttons = [...tabs.querySelectorAll("[data-panel]")];
  let current = null;
  const show = (chosen) => {
    current = chosen;
    for (const button of buttons) {
      button.setAttribute("aria-pressed", button === chosen);
      document.getElementById(button.dataset.panel).hidden = button !== chosen;
    }
    for (const listener of panelListeners) listener(chosen.dataset.panel);
    remember();
  };
  for (const button of buttons) button.addEventListener("click", () => show(button));
  show(buttons[0]);
  keep(
    `${tabs.closest("section").id}-of`,
    () => (current === buttons[0] ? null : current.dataset.panel),
    (name) => show(buttons.find((button) => button.dataset.panel === name) ?? buttons[0]),
  );
}
