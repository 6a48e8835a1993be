// Charts, drawn by Bokeh: curves with bands for the sweeps, and the objective in the viewer.

const dashes = ["solid", "dashed", "dotted", "dotdash", [12, 3], [2, 7], [12, 3, 2, 3, 2, 3]];
const metrics = new Map(data.metrics.map((metric) => [metric.name, metric]));
/** A metric with its unit, for an axis. */
function metricName(name) {
  const { label, unit } = metrics.get(name);
  return unit ? `${label} (${unit})` : label;
}

// It warns of a chart without a visible curve, which is what a filter that finds nothing asks for.
if (window.Bokeh) Bokeh.logger.set_level("error");

function newFigure(options) {
  const plot = Bokeh.Plotting.figure({
    sizing_mode: "stretch_width",
    toolbar_location: null,
    tools: [],
    background_fill_color: null,
    border_fill_color: null,
    outline_line_color: null,
    min_border_left: 50,
    ...options,
  });
  const ink = colour("ink-soft");
  const font = getComputedStyle(document.body).fontFamily;
  for (const axis of plot.axes) {
    axis.setv({
      axis_line_color: colour("line"),
      major_tick_line_color: colour("line"),
      minor_tick_line_color: null,
      major_label_text_color: ink,
      major_label_text_font: font,
      axis_label_text_color: ink,
      axis_label_text_font: font,
      axis_label_text_font_style: "normal",
    });
  }
  for (const grid of plot.center) {
    if (grid instanceof Bokeh.Grid) grid.grid_line_color = colour("line");
  }
  return plot;
}

/** Put a plot where another one may be. */
function place(plot, box) {
  box.replaceChildren();
  Bokeh.Plotting.show(plot, box);
}

function addCurve(plot, curve, metric) {
  const look = looks.get(curve.method);
  const paint = colour(`series-${look.colour}`);
  const part = (position) => curve[metric].map((triple) => triple[position]);
  const source = new Bokeh.ColumnDataSource({
    data: {
      x: curve.x,
      n: curve.n,
      mean: part(0),
      low: part(1),
      high: part(2),
      method: curve.x.map(() => curve.method),
    },
  });
  const x = { field: "x" };
  const y = { field: "mean" };
  const band = { y1: { field: "low" }, y2: { field: "high" }, fill_color: paint, fill_alpha: 0.13 };
  const line = { line_color: paint, line_width: 2, line_dash: dashes[look.dash] };
  return [
    plot.varea({ x, ...band, source }),
    plot.line({ x, y, ...line, source }),
    plot.scatter({ x, y, size: 6, fill_color: paint, line_color: null, source }),
  ];
}

/** One panel of small multiples: at most seven curves of one sweep on one data set. */
class SweepChart {
  constructor(chart, parent) {
    this.chart = chart;
    this.box = make("div", { className: "chart" });
    this.legend = make("p", { className: "legend" });
    this.figure = make("figure", { "data-chart": `${chart.sweep}/${chart.dataset}/${chart.part}` });
    this.figure.append(this.box, this.legend);
    parent.append(this.figure);
  }

  /** Draw again, for a metric or a colour scheme. */
  draw(metric) {
    this.plot = newFigure({
      name: "sweep",
      height: 300,
      y_range: new Bokeh.Range1d(),
      x_axis_label: this.chart.label,
      y_axis_label: metricName(metric),
    });
    this.glyphs = new Map(
      this.chart.curves.map((curve) => [curve.method, addCurve(this.plot, curve, metric)]),
    );
    const renderers = [...this.glyphs.values()].map((glyphs) => glyphs[2]);
    const digits = `0.${"0".repeat(metrics.get(metric).digits)}`;
    const tooltips = [
      ["method", "@method"],
      [metricName(metric), `@mean{${digits}} [@low{${digits}}, @high{${digits}}]`],
      ["n", "@n"],
    ];
    this.plot.add_tools(new Bokeh.HoverTool({ renderers, tooltips }));
    this.filter(metric);
    place(this.plot, this.box);
  }

  /** Show the curves of the chosen methods only, on the axis that all panels share. */
  filter(metric) {
    const names = this.chart.curves.map((curve) => curve.method).filter((name) => shown.has(name));
    this.figure.hidden = !names.some((name) => name !== "blurry") && this.chart.part > 0;
    this.legend.replaceChildren(...names.map(legendEntry));
    if (!this.plot) return;
    for (const [method, glyphs] of this.glyphs) {
      for (const glyph of glyphs) glyph.visible = shown.has(method);
    }
    const ends = this.chart.all
      .filter((curve) => shown.has(curve.method))
      .flatMap((curve) => curve[metric].flatMap((triple) => triple.slice(1)));
    if (!ends.length) return;
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const room = 0.04 * (high - low || 1);
    this.plot.y_range.setv({ start: low - room, end: high + room });
  }
}

function legendEntry(name) {
  const { title } = looks.get(name);
  return make("span", { title: title || name }, swatch(name), make("code", {}, name));
}

/** The same numbers for those who cannot see the charts. */
function sweepNumbers(chart) {
  const values = [...new Set(chart.curves.flatMap((curve) => curve.x))].sort((a, b) => a - b);
  const head = make("tr", {}, make("th", { scope: "col" }, "method"));
  for (const value of values) head.append(make("th", { scope: "col", className: "number" }, String(value)));
  const body = make("tbody");
  for (const curve of chart.curves) {
    const row = make("tr", { "data-method": curve.method });
    row.append(make("th", { scope: "row" }, make("code", {}, curve.method)));
    for (const value of values) {
      const at = curve.x.indexOf(value);
      const short = curve.short.find((point) => point[0] === value);
      const text = at < 0 ? (short ? `${short[1]}/${short[2]}` : "–") : curve.psnr[at][0].toFixed(2);
      row.append(make("td", { className: "number" }, text));
    }
    body.append(row);
  }
  const table = make("table", {}, make("thead", {}, head), body);
  const scroll = { className: "scroll", tabindex: "0", role: "region", "aria-label": "Numbers" };
  const summary = make("summary", {}, "Mean PSNR in numbers");
  return make("details", {}, summary, make("div", scroll, table));
}

const MOST_CURVES = 7;

/** Cut a chart into small multiples of at most seven curves each, the input in every one. */
function multiples(chart) {
  const input = chart.curves.filter((curve) => curve.method === "blurry");
  const others = chart.curves.filter((curve) => curve.method !== "blurry");
  const count = Math.max(1, Math.ceil(others.length / (MOST_CURVES - input.length)));
  const size = Math.ceil(others.length / count);
  return Array.from({ length: count }, (_, part) => ({
    ...chart,
    part,
    all: chart.curves,
    curves: [...input, ...others.slice(part * size, (part + 1) * size)],
  }));
}

const sweepCharts = data.charts.flatMap((chart) => {
  const panel = document.getElementById(`sweep-${chart.sweep}-${chart.dataset}`);
  const grid = make("div", { className: "charts" });
  panel.append(grid, sweepNumbers(chart));
  return multiples(chart).map((part) => new SweepChart(part, grid));
});
const metricButtons = [...document.querySelectorAll("[data-metric]")];
let sweepMetric = metricButtons[0]?.dataset.metric;
const drawSweeps = () => sweepCharts.filter((chart) => chart.seen).forEach((chart) => chart.draw(sweepMetric));

/** Call `draw` once, when an element is about to be seen. */
function whenSeen(element, draw) {
  const sightings = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    sightings.disconnect();
    draw();
  }, { rootMargin: "400px" });
  sightings.observe(element);
}

for (const chart of sweepCharts) {
  whenSeen(chart.figure, () => {
    chart.seen = true;
    chart.draw(sweepMetric);
  });
}
onMethods(() => {
  for (const chart of sweepCharts) chart.filter(sweepMetric);
  for (const row of document.querySelectorAll("#charts tr[data-method]")) {
    row.hidden = !shown.has(row.dataset.method);
  }
});

function showSweepMetric(name) {
  if (name === sweepMetric) return;
  sweepMetric = name;
  for (const button of metricButtons) button.setAttribute("aria-pressed", button.dataset.metric === name);
  drawSweeps();
  remember();
}
for (const button of metricButtons) button.addEventListener("click", () => showSweepMetric(button.dataset.metric));
if (metricButtons.length) {
  const usual = sweepMetric;
  keep("sweep-metric", () => (sweepMetric === usual ? null : sweepMetric), (name) => {
    showSweepMetric(metricButtons.some((button) => button.dataset.metric === name) ? name : usual);
  });
}

/** The objective of one restoration; logarithmic wherever it is positive throughout. */
function drawLoss(box, trace, method) {
  const positive = trace.every((point) => point[1] > 0);
  const plot = newFigure({
    height: 210,
    x_axis_label: "step",
    y_axis_type: positive ? "log" : "linear",
  });
  const paint = colour(`series-${looks.get(method).colour}`);
  const source = new Bokeh.ColumnDataSource({
    data: { x: trace.map((point) => point[0]), y: trace.map((point) => point[1]) },
  });
  const style = { line_color: paint, line_width: 2 };
  plot.line({ x: { field: "x" }, y: { field: "y" }, source, ...style });
  plot.add_tools(new Bokeh.HoverTool({ mode: "vline", tooltips: [["step", "@x"], ["objective", "@y"]] }));
  place(plot, box);
}
