// What all parts share: the data, the methods that are shown, and small helpers.

const data = JSON.parse(document.getElementById("bench-data").textContent);
const looks = new Map(data.methods.map((method) => [method.name, method]));
const shown = new Set(looks.keys());
const listeners = [];

/** Call `listener` whenever other methods are shown, and once now. */
function onMethods(listener) {
  listeners.push(listener);
  listener();
}

function showMethods(names) {
  shown.clear();
  for (const name of names) shown.add(name);
  for (const listener of listeners) listener();
}

/** Make an element; properties that it does not have become attributes. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "style") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function swatch(name) {
  const { colour, dash } = looks.get(name);
  return make("span", {
    className: "swatch",
    style: `--series: var(--series-${colour})`,
    "data-dash": dash,
    "aria-hidden": "true",
  });
}

/** A colour of the style sheet, as it is in the present scheme. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const darkScheme = matchMedia("(prefers-color-scheme: dark)");

/** Bytes that lie in this page as base64. */
const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

/** The content of a file that lies in this page as base64 of gzip. */
function unpack(base64) {
  const stream = new Blob([bytesOf(base64)]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).blob();
}
