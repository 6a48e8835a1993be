// Charts, drawn by Bokeh: curves with bands for the sweeps, and the objective in the viewer.

const dashes = ["solid", "dashed", "dotted", "dotdash"];
const metricNames = { psnr: "PSNR (dB)", ssim: "SSIM (volume)" };

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
    min_border_left: 46,
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

class SweepChart {
  constructor(chart, parent) {
    this.chart = chart;
    this.box = make("div", { className: "chart" });
    this.legend = make("p", { className: "legend" });
    const caption = make("figcaption", {}, make("strong", {}, chart.dataset), `, ${chart.label}`);
    this.figure = make("figure", { "data-chart": `${chart.sweep}/${chart.dataset}${chart.part ? `/${chart.part}` : ""}` });
    this.figure.append(caption, this.box, this.legend, this.numbers());
    parent.append(this.figure);
  }

  /** Draw anew, for a metric or a colour scheme. */
  draw(metric) {
    const plot = newFigure({
      height: 320,
      x_axis_label: this.chart.label,
      y_axis_label: metricNames[metric],
    });
    this.glyphs = new Map(
      this.chart.curves.map((curve) => [curve.method, addCurve(plot, curve, metric)]),
    );
    const renderers = [...this.glyphs.values()].map((glyphs) => glyphs[2]);
    const digits = metric === "psnr" ? "0.00" : "0.000";
    const tooltips = [
      ["method", "@method"],
      [metricNames[metric], `@mean{${digits}} [@low{${digits}}, @high{${digits}}]`],
      ["n", "@n"],
    ];
    plot.add_tools(new Bokeh.HoverTool({ renderers, tooltips }));
    plot.y_range.only_visible = true;
    this.filter();
    this.box.replaceChildren();
    Bokeh.Plotting.show(plot, this.box);
  }

  /** Show the curves of the chosen methods only. */
  filter() {
    for (const [method, glyphs] of this.glyphs ?? []) {
      for (const glyph of glyphs) glyph.visible = shown.has(method);
    }
    const names = this.chart.curves.map((curve) => curve.method).filter((name) => shown.has(name));
    this.legend.replaceChildren(
      ...names.map((name) => make("span", {}, swatch(name), make("code", {}, name))),
    );
  }

  /** The same numbers for those who cannot see the chart. */
  numbers() {
    const values = [...new Set(this.chart.curves.flatMap((curve) => curve.x))].sort((a, b) => a - b);
    const head = make("tr", {}, make("th", { scope: "col" }, "method"));
    for (const value of values) head.append(make("th", { scope: "col" }, String(value)));
    const body = make("tbody");
    for (const curve of this.chart.curves) {
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
}

const MOST_CURVES = 7;

/** Cut a chart into small multiples of at most seven curves each, the input in every one. */
function multiples(chart) {
  const input = chart.curves.filter((curve) => curve.method === "blurry");
  const others = chart.curves.filter((curve) => curve.method !== "blurry");
  const count = Math.max(1, Math.ceil(others.length / (MOST_CURVES - 1)));
  const size = Math.ceil(others.length / count);
  return Array.from({ length: count }, (_, part) => ({
    ...chart,
    part,
    curves: [...input, ...others.slice(part * size, (part + 1) * size)],
  }));
}

const sweepCharts = data.charts
  .flatMap(multiples)
  .map((chart) => new SweepChart(chart, document.getElementById("charts")));
let sweepMetric = "psnr";
const drawSweeps = () => sweepCharts.filter((chart) => chart.seen).forEach((chart) => chart.draw(sweepMetric));

/** Charts are drawn when they are first about to be seen. */
const sightings = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    const chart = sweepCharts.find((one) => one.figure === entry.target);
    sightings.unobserve(entry.target);
    chart.seen = true;
    chart.draw(sweepMetric);
  }
}, { rootMargin: "600px" });
for (const chart of sweepCharts) sightings.observe(chart.figure);
onMethods(() => {
  for (const chart of sweepCharts) chart.filter();
  for (const row of document.querySelectorAll("#charts tr[data-method]")) {
    row.hidden = !shown.has(row.dataset.method);
  }
});
for (const button of document.querySelectorAll("[data-metric]")) {
  button.addEventListener("click", () => {
    sweepMetric = button.dataset.metric;
    for (const other of document.querySelectorAll("[data-metric]")) {
      other.setAttribute("aria-pressed", other === button);
    }
    drawSweeps();
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
  box.replaceChildren();
  Bokeh.Plotting.show(plot, box);
}
