// Mosaics: rows of equal tiles, one per image; and the error map between two tiles.

const urls = new Map();
const loaded = new Map();

/** An address of a mosaic inside this page. */
function mosaicUrl(number) {
  if (!urls.has(number)) {
    const blob = new Blob([bytesOf(data.mosaics[number])], { type: "image/webp" });
    urls.set(number, URL.createObjectURL(blob));
  }
  return urls.get(number);
}

/** Promise of a decoded mosaic. */
function mosaic(number) {
  if (!loaded.has(number)) {
    const image = new Image();
    image.src = mosaicUrl(number);
    loaded.set(number, image.decode().then(() => image));
  }
  return loaded.get(number);
}

/** Where to draw; the error map reads the pixels back. */
const inkOf = (canvas) => canvas.getContext("2d", { willReadFrequently: true });

/** Draw one tile into a canvas, which takes its size; or hide the canvas if there is none. */
async function drawTile(canvas, number, size, position) {
  canvas.hidden = number === null || size === null;
  if (canvas.hidden) return;
  const image = await mosaic(number);
  const [width, height] = size;
  Object.assign(canvas, { width, height });
  inkOf(canvas).drawImage(image, position * width, 0, width, height, 0, 0, width, height);
}

const ERROR_AT_END = 0.2;
const ERROR_STOPS = [
  [0, 0, 4],
  [66, 10, 104],
  [147, 38, 103],
  [221, 81, 58],
  [252, 165, 10],
  [252, 255, 164],
];

function errorColour(error) {
  const place = Math.min(error / ERROR_AT_END, 1) * (ERROR_STOPS.length - 1);
  const stop = Math.min(Math.floor(place), ERROR_STOPS.length - 2);
  const share = place - stop;
  return ERROR_STOPS[stop].map((low, i) => low + share * (ERROR_STOPS[stop + 1][i] - low));
}

/** Mean absolute difference over the channels of two canvases of equal size, as a heat map. */
function drawError(canvas, first, second) {
  const { width, height } = second;
  const a = inkOf(first).getImageData(0, 0, width, height).data;
  const b = inkOf(second).getImageData(0, 0, width, height).data;
  const map = new ImageData(width, height);
  for (let i = 0; i < a.length; i += 4) {
    const total =
      Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) + Math.abs(a[i + 2] - b[i + 2]);
    map.data.set([...errorColour(total / 3 / 255), 255], i);
  }
  Object.assign(canvas, { width, height });
  inkOf(canvas).putImageData(map, 0, 0);
}
