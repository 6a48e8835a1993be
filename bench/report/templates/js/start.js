// Last of all: what the address asks for, and whatever changes later.

// Charts take their colours from the style sheet once, so another scheme draws them again.
darkScheme.addEventListener("change", () => {
  drawSweeps();
  drawPair();
  if (viewer.open) render();
});

recall();
recalled = true;
addEventListener("hashchange", recall);
