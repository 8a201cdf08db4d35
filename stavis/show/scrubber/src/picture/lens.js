// A closer look at the image: a zoom that keeps the frame, and the eyes and the mouth enlarged below it.

import { make } from "../controls.js";

const MOST = 8;
const INSETS = [["right_eye", "right eye"], ["left_eye", "left eye"], ["mouth", "mouth"]];
const INSET_SIDE = 116;

// Which part of the image fills a pane: k times enlarged, with (x, y) in [0,1] of the image in the middle.
export class Lens {
  constructor() {
    this.reset();
  }

  reset() {
    [this.k, this.x, this.y] = [1, 0.5, 0.5];
  }

  // Keeps the point under (u, v) of the pane where it is; never beyond the image's edges.
  zoom(k, u = 0.5, v = 0.5) {
    const [x, y] = this.at(u, v);
    this.k = Math.max(1, Math.min(MOST, k));
    this.move(x - (u - 0.5) / this.k, y - (v - 0.5) / this.k);
  }

  move(x, y) {
    const edge = 0.5 / this.k;
    this.x = Math.max(edge, Math.min(1 - edge, x));
    this.y = Math.max(edge, Math.min(1 - edge, y));
  }

  // The point of the image, in [0,1], at (u, v) of the pane.
  at(u, v) {
    return [this.x + (u - 0.5) / this.k, this.y + (v - 0.5) / this.k];
  }

  // The box that the whole image takes so that the pane shows its part.
  expand(box) {
    const [w, h] = [box.w * this.k, box.h * this.k];
    return { x: box.x + box.w / 2 - this.x * w, y: box.y + box.h / 2 - this.y * h, w, h };
  }
}

export function connectLens(s) {
  const { canvas } = s.ui;
  let held = null;
  connectFingers(s, canvas);
  s.on(canvas, "wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const [u, v] = s.view.paneAt(event) || [0.5, 0.5];
    zoomTo(s, s.view.lens.k * Math.pow(1.006, -event.deltaY), u, v);
  }, { passive: false });
  s.on(canvas, "pointerdown", (event) => {
    if (!event.isPrimary) held = null;
    if (!event.isPrimary || event.button || s.look.mode === "wipe" || s.view.lens.k === 1) return;
    canvas.setPointerCapture(event.pointerId);
    held = { x: event.clientX, y: event.clientY, at: [s.view.lens.x, s.view.lens.y] };
    event.preventDefault();
  });
  s.on(canvas, "pointermove", (event) => {
    if (!held) return;
    const box = s.view.boxes[0];
    const scale = s.view.lens.k / s.view.ratio;
    s.view.lens.move(held.at[0] - (event.clientX - held.x) / (box.w * scale), held.at[1] - (event.clientY - held.y) / (box.h * scale));
    s.show(s.current, true);
  });
  for (const name of ["pointerup", "pointercancel"]) s.on(canvas, name, () => (held = null));
  s.on(canvas, "dblclick", () => zoomTo(s, 1));
  s.on(s.ui.lens, "input", () => zoomTo(s, Number(s.ui.lens.value)));
}

// Two fingers on the image zoom it: the point between them stays there.
function connectFingers(s, canvas) {
  const fingers = new Map();
  let before = null;
  const gesture = () => {
    const [a, b] = [...fingers.values()];
    const [u, v] = s.view.paneAt({ clientX: (a.x + b.x) / 2, clientY: (a.y + b.y) / 2 }) || [0.5, 0.5];
    return { apart: Math.max(12, Math.hypot(a.x - b.x, a.y - b.y)), u, v };
  };
  s.on(canvas, "pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size === 2) before = gesture();
  });
  s.on(canvas, "pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size !== 2) return;
    const now = gesture();
    zoomTo(s, (s.view.lens.k * now.apart) / before.apart, now.u, now.v);
    before = now;
  });
  for (const name of ["pointerup", "pointercancel"]) s.on(canvas, name, (event) => fingers.delete(event.pointerId));
}

export function zoomTo(s, k, u = 0.5, v = 0.5) {
  s.view.lens.zoom(k, u, v);
  s.ui.lens.value = s.view.lens.k;
  s.ui.canvas.classList.toggle("stv-zoomed", s.view.lens.k > 1);
  s.show(s.current, true);
}

// The box in [0,1] around a region's outlines at a frame, square on the screen and half as large again; null where it has none.
export function boxOf(data, i, name) {
  const region = data.meta.regions ? data.meta.regions.indexOf(name) : -1;
  if (region < 0) return null;
  let [x0, y0, x1, y1] = [1, 1, 0, 0];
  data.eachRing(i, (other, points) => {
    if (other !== region) return;
    for (let k = 0; k < points.length; k += 2) {
      x0 = Math.min(x0, points[k] / 8192);
      x1 = Math.max(x1, points[k] / 8192);
      y0 = Math.min(y0, points[k + 1] / 8192);
      y1 = Math.max(y1, points[k + 1] / 8192);
    }
  });
  if (x1 <= x0) return null;
  const aspect = data.meta.height / data.meta.width || 1;
  const w = 1.5 * Math.max(x1 - x0, (y1 - y0) * aspect);
  return { x: (x0 + x1) / 2 - w / 2, y: (y0 + y1) / 2 - w / aspect / 2, w, h: w / aspect };
}

// Whether a clip has what the insets show.
export const hasInsets = (data) => data.outlined && INSETS.some(([name]) => (data.meta.regions || []).includes(name));

export function drawInsets(s, i, picture) {
  const { ui, view, data, look } = s;
  ui.insetRow.hidden = !(look.insets && hasInsets(data));
  if (ui.insetRow.hidden) return;
  if (!ui.insetRow.children.length) {
    for (const [, text] of INSETS) {
      const canvas = make("canvas", { class: "stv-inset", role: "img", "aria-label": `${text}, enlarged` });
      ui.insetRow.append(make("figure", {}, canvas, make("figcaption", {}, text)));
    }
  }
  [...ui.insetRow.querySelectorAll("canvas")].forEach((canvas, k) => {
    const side = Math.round(INSET_SIDE * view.ratio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, side, side);
    const part = boxOf(data, i, INSETS[k][0]);
    canvas.dataset.there = part ? "1" : "";
    if (!part) return;
    const whole = { w: side / part.w, h: side / part.h };
    [whole.x, whole.y] = [-part.x * whole.w, -part.y * whole.h];
    view.paint(pen, whole, data, i, picture, look, view.shown.layers[0]);
  });
}
