// The address keeps what is shown, so that a link shows the same. Every part of the page says with
// `keep` how its own choice is read and put back; what stands at its default is left out.

const kept = new Map();
let recalled = false;

/** `read` returns a text or null for the default; `put` is given one of them. */
function keep(key, read, put) {
  kept.set(key, { read, put });
}

function remember() {
  if (!recalled) return;
  const state = new URLSearchParams();
  for (const [key, { read }] of kept) {
    const value = read();
    if (value !== null) state.set(key, value);
  }
  const text = state.toString();
  if (!text && !location.hash.includes("=")) return; // a section's own address
  if (text !== location.hash.slice(1)) {
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }
}

/** Show what the address says. */
function recall() {
  const state = new URLSearchParams(location.hash.slice(1));
  if (![...state.keys()].some((key) => kept.has(key))) return;
  recalled = false;
  for (const [key, { put }] of kept) put(state.get(key));
  recalled = true;
}

// A link to a section goes there without losing what the address keeps.
let section = null;
keep("at", () => section, (name) => {
  section = document.getElementById(name ?? "") ? name : null;
  if (section) requestAnimationFrame(() => document.getElementById(section)?.scrollIntoView());
});
document.querySelector("nav").addEventListener("click", (event) => {
  const target = event.target.closest("a")?.hash;
  if (!target) return;
  event.preventDefault();
  section = target.slice(1);
  const found = document.getElementById(section);
  found.tabIndex = -1;
  found.focus({ preventScroll: true });
  found.scrollIntoView();
  remember();
});
