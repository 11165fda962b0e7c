// Zooms and moves the plots; without it they stand still, and nothing is missing.
for (const figure of document.querySelectorAll("figure.zoom")) {
  const svg = figure.querySelector("svg"), bar = figure.querySelector(".bar");
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  let x = 0, y = 0, factor = 1, held = null;
  const show = () => {
    const w = width / factor, h = height / factor;
    x = Math.min(Math.max(x, 0), width - w);
    y = Math.min(Math.max(y, 0), height - h);
    svg.setAttribute("viewBox", [x, y, w, h].join(" "));
  };
  const zoom = (by, atX = 0.5, atY = 0.5) => {
    const next = Math.min(Math.max(factor * by, 1), 40);
    x += width * atX * (1 / factor - 1 / next);
    y += height * atY * (1 / factor - 1 / next);
    factor = next;
    show();
  };
  const move = (dx, dy) => { x += dx * width / factor; y += dy * height / factor; show(); };
  const reset = () => { factor = 1; show(); };
  const place = (e) => {
    const r = svg.getBoundingClientRect();
    return [(e.clientX - r.left) / r.width, (e.clientY - r.top) / r.height];
  };
  bar.hidden = false;
  const acts = { in: () => zoom(1.5), out: () => zoom(1 / 1.5), left: () => move(-0.2, 0), right: () => move(0.2, 0), all: reset };
  for (const b of bar.querySelectorAll("button")) b.addEventListener("click", acts[b.value]);
  const keys = { "+": acts.in, "=": acts.in, "-": acts.out, "0": reset, ArrowLeft: acts.left, ArrowRight: acts.right, ArrowUp: () => move(0, -0.2), ArrowDown: () => move(0, 0.2) };
  const frame = figure.querySelector(".frame");
  frame.tabIndex = 0;
  frame.addEventListener("keydown", (e) => { const act = keys[e.key]; if (act && !e.ctrlKey && !e.metaKey && !e.altKey) { e.preventDefault(); act(); } });
  frame.addEventListener("wheel", (e) => { if (e.ctrlKey || factor > 1) { e.preventDefault(); zoom(e.deltaY < 0 ? 1.2 : 1 / 1.2, ...place(e)); } }, { passive: false });
  frame.addEventListener("dblclick", (e) => zoom(2, ...place(e)));
  frame.addEventListener("pointerdown", (e) => { if (factor > 1) { held = place(e); frame.setPointerCapture(e.pointerId); } });
  frame.addEventListener("pointermove", (e) => { if (held) { const at = place(e); move(held[0] - at[0], held[1] - at[1]); held = at; } });
  for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => { held = null; });
}
