// Two methods, image by image. What is shown was computed when the page was made; here it is chosen,
// drawn and put in order.

const pair = { view: null, first: null, second: null, metric: null };
const pairParts = Object.fromEntries(
  ["view", "first", "second", "metric"].map((name) => [name, document.getElementById(`pair-${name}`)]),
);
let compared = [];

/** Fill a choice; what was chosen stays if it can. */
function offer(name, options, usual) {
  const values = options.map(([value]) => value);
  if (!values.includes(pair[name])) pair[name] = values.includes(usual) ? usual : values[0];
  pairParts[name].replaceChildren(
    ...options.map(([value, text]) => make("option", { value, selected: value === pair[name] }, text)),
  );
}

/** Offer what can be chosen beside what is chosen, and show the two. */
function showPair() {
  if (!compared.length) return;
  const view = compared.find((one) => one.view === pair.view) ?? compared[0];
  pair.view = pairParts.view.value = view.view;
  offer("metric", Object.keys(view.metrics).map((name) => [name, metricName(name)]));
  const { methods } = view.metrics[pair.metric];
  const options = methods.map((name) => [name, looks.get(name).title ? `${name}: ${looks.get(name).title}` : name]);
  const [best, next] = usualPair(view.metrics[pair.metric]);
  offer("first", options, best);
  offer("second", options, next);
  if (pair.first === pair.second) {
    pair.second = methods.find((name) => name !== pair.first);
    offer("second", options);
  }
  drawPair();
  remember();
}

/** The two blind methods with the best means. */
function usualPair({ methods, scores }) {
  const sign = metrics.get(pair.metric).larger ? 1 : -1;
  const sum = (name) => sign * scores[methods.indexOf(name)].reduce((a, b) => a + b, 0);
  const blind = methods.filter((name) => looks.get(name).kind === "method");
  return (blind.length > 1 ? blind : [...methods]).sort((a, b) => sum(b) - sum(a));
}

/** Mean, interval and p-value of the first minus the second. */
function differenceOf({ methods, pairs }) {
  const [i, j] = [methods.indexOf(pair.first), methods.indexOf(pair.second)];
  const [a, b] = [Math.min(i, j), Math.max(i, j)];
  const [mean, low, high, p] = pairs[a * methods.length - (a * (a + 1)) / 2 + b - a - 1];
  return i < j ? { mean, low, high, p } : { mean: -mean, low: -high, high: -low, p };
}

const signed = (value, digits) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

function drawPair() {
  const view = compared.find((one) => one.view === pair.view);
  if (!view) return;
  const table = view.metrics[pair.metric];
  const [first, second] = [pair.first, pair.second].map((name) => table.scores[table.methods.indexOf(name)]);
  const rows = view.images
    .map((image, i) => ({ image, first: first[i], second: second[i], difference: first[i] - second[i] }))
    .sort((a, b) => b.difference - a.difference);
  const found = differenceOf(table);
  pairSentence(view, rows, found);
  drawDifferences(rows, found);
  drawScatter(rows);
  pairPictures(view, rows);
  pairNumbers(rows);
}

function pairSentence(view, rows, { mean, low, high, p }) {
  const { label, unit, digits, larger } = metrics.get(pair.metric);
  const better = rows.filter(({ difference }) => (larger ? difference > 0 : difference < 0)).length;
  const groups = view.clusters < rows.length ? ` that share ${view.clusters} kernels` : "";
  const interval = `[${signed(low, digits)}, ${signed(high, digits)}]`;
  document.getElementById("pair-sentence").replaceChildren(
    make("code", {}, pair.first),
    " − ",
    make("code", {}, pair.second),
    `: ${label} `,
    make("strong", {}, `${signed(mean, digits)}${unit && ` ${unit}`} ${interval}`),
    `, p ${p < 0.001 ? "< 0.001" : `= ${p.toFixed(3)}`}; `,
    make("code", {}, pair.first),
    ` is better on ${better} of ${rows.length} images${groups}${larger ? "" : " (lower is better)"}.`,
  );
}

/** Bars in order, with the interval of their mean as a band. */
function drawDifferences(rows, { mean, low, high }) {
  const plot = newFigure({
    height: 320,
    x_axis_label: "images, in order of their difference",
    y_axis_label: `difference in ${metricName(pair.metric)}`,
  });
  const { larger } = metrics.get(pair.metric);
  const paint = ({ difference }) => colour(difference > 0 === larger ? "accent" : "second");
  const source = new Bokeh.ColumnDataSource({
    data: {
      x: rows.map((_, i) => i + 1),
      y: rows.map(({ difference }) => difference),
      image: rows.map(({ image }) => image),
      paint: rows.map(paint),
    },
  });
  const [start, end] = [0.5, rows.length + 0.5];
  const band = new Bokeh.ColumnDataSource({ data: { x: [start, end], low: [low, low], high: [high, high], mean: [mean, mean] } });
  const x = { field: "x" };
  const ink = colour("ink");
  const bars = plot.vbar({ x, top: { field: "y" }, width: 0.75, fill_color: { field: "paint" }, line_color: null, source });
  plot.varea({ x, y1: { field: "low" }, y2: { field: "high" }, fill_color: ink, fill_alpha: 0.16, source: band });
  plot.line({ x, y: { field: "mean" }, line_color: ink, line_width: 1.5, source: band });
  const digits = `+0.${"0".repeat(metrics.get(pair.metric).digits)}`;
  plot.add_tools(new Bokeh.HoverTool({ renderers: [bars], tooltips: [["image", "@image"], ["difference", `@y{${digits}}`]] }));
  place(plot, document.getElementById("pair-differences"));
}

/** A point per image, and the diagonal on which both are equal. */
function drawScatter(rows) {
  const plot = newFigure({
    height: 320,
    x_axis_label: `${pair.second}: ${metricName(pair.metric)}`,
    y_axis_label: `${pair.first}: ${metricName(pair.metric)}`,
  });
  const values = rows.flatMap(({ first, second }) => [first, second]);
  const ends = [Math.min(...values), Math.max(...values)];
  const column = (name) => rows.map((row) => row[name]);
  const source = new Bokeh.ColumnDataSource({
    data: { x: column("second"), y: column("first"), image: column("image") },
  });
  const diagonal = new Bokeh.ColumnDataSource({ data: { x: ends, y: ends } });
  const [x, y] = [{ field: "x" }, { field: "y" }];
  plot.line({ x, y, line_color: colour("ink-soft"), line_dash: "dashed", source: diagonal });
  const points = plot.scatter({ x, y, size: 7, fill_color: colour("accent"), fill_alpha: 0.65, line_color: null, source });
  const digits = `0.${"0".repeat(metrics.get(pair.metric).digits)}`;
  const tooltips = [["image", "@image"], [pair.first, `@y{${digits}}`], [pair.second, `@x{${digits}}`]];
  plot.add_tools(new Bokeh.HoverTool({ renderers: [points], tooltips }));
  place(plot, document.getElementById("pair-scatter"));
}

/** The images that the gallery has, from the first method's best to the second's. */
function pairPictures(view, rows) {
  const box = document.getElementById("pair-pictures");
  box.replaceChildren();
  const { dataset, condition } = data.views.find((one) => one.id === view.view);
  const group = data.groups.find((one) => one.dataset === dataset && one.condition === condition);
  const lines = [pair.first, pair.second].map((name) => [name, group?.methods[name]]);
  if (!group || lines.some(([, entry]) => !entry || entry.images === null)) return;
  const order = rows.filter(({ image }) => group.images.includes(image));
  const { digits } = metrics.get(pair.metric);
  const head = make("tr", {}, make("td"));
  for (const { image, difference } of order) {
    head.append(make("th", { scope: "col" }, image, make("small", {}, signed(difference, digits))));
  }
  const body = make("tbody");
  const line = (name, entry, method) => {
    const row = galleryRow(group, name, entry, method);
    const tiles = [...row.querySelectorAll("td")];
    row.append(...order.map(({ image }) => tiles[group.images.indexOf(image)]));
    delete row.dataset.method; // it stays, whatever the filter says
    body.append(row);
  };
  line("observation", group.observation, null);
  for (const [name, entry] of lines) line(name, entry, name);
  line("truth", group.truth, null);
  const table = make("table", { className: "mosaic", style: mosaicStyle(group) });
  const caption = "Images of the gallery in order of their difference; choose one to see it large.";
  table.append(make("caption", {}, make("span", {}, caption)), make("thead", {}, head), body);
  table.addEventListener("keydown", moveFocus);
  box.append(make("div", { className: "scroll" }, table));
}

function pairNumbers(rows) {
  const { digits } = metrics.get(pair.metric);
  const heading = (text, className = "number") => make("th", { scope: "col", className }, text);
  const head = make("tr", {}, heading("image", ""), heading(pair.first), heading(pair.second), heading("difference"));
  const body = make("tbody");
  for (const { image, first, second, difference } of rows) {
    const cells = [first.toFixed(digits), second.toFixed(digits), signed(difference, digits)];
    body.append(make("tr", {}, make("th", { scope: "row" }, image), ...cells.map((text) => make("td", { className: "number" }, text))));
  }
  document.querySelector("#pair-numbers .scroll").replaceChildren(make("table", {}, make("thead", {}, head), body));
}

if (data.pairs) {
  let touched = false;
  const choose = (change) => {
    touched = true;
    Object.assign(pair, change);
    showPair();
  };
  for (const [name, choice] of Object.entries(pairParts)) {
    choice.addEventListener("change", () => choose({ [name]: choice.value }));
  }
  document.getElementById("pair-swap").addEventListener("click", () => {
    choose({ first: pair.second, second: pair.first });
  });
  const parts = ["view", "metric", "first", "second"];
  keep("pair", () => (touched ? parts.map((part) => pair[part]).join("|") : null), (text) => {
    touched = text !== null;
    const values = text?.split("|") ?? [];
    parts.forEach((part, i) => { pair[part] = values[i] ?? null; });
    showPair();
  });
  whenSeen(document.getElementById("pairs"), async () => {
    compared = JSON.parse(await (await unpack(data.pairs)).text());
    showPair();
  });
}
