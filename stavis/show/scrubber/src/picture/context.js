// The whole image that the crop was cut from, small, with the crop's outline in it. Whether it is shown is remembered by the browser.

import { make } from "../controls.js";
import { unbroken } from "../data.js";
import { framesOfVideo } from "../frames.js";

const CONTEXT_KEPT = "stavis.context";
const PARTS = 4096;
const NO_CROP = -32768;
// How many sources of images share the memory for decoded ones: these are small.
const SHARERS = 8;

// A page in a frame of another, or a browser without storage, remembers nothing.
export function rememberedContext() {
  try {
    const kept = localStorage.getItem(CONTEXT_KEPT);
    return kept === null ? {} : { context: kept === "1" };
  } catch {
    return {};
  }
}

function remember(on) {
  try {
    localStorage.setItem(CONTEXT_KEPT, on ? "1" : "0");
  } catch {
    // It holds for as long as the page is open.
  }
}

class Context {
  constructor(s) {
    this.s = s;
    this.canvas = make("canvas", { class: "stv-whole", role: "img", "aria-label": "The whole image" });
    this.under = make("figcaption");
    s.ui.context.append(this.canvas, this.under);
    this.frames = null;
    s.on(s.ui.contextShown, "change", () => this.choose(s.ui.contextShown.checked));
  }

  choose(on) {
    this.s.look.context = on;
    remember(on);
    this.s.fillControls();
    this.s.relayout();
  }

  use(data) {
    if (this.data && this.data.context && data.context && this.data.context.bytes.buffer === data.context.bytes.buffer) {
      this.data = data;
      return;
    }
    this.close();
    this.data = data;
  }

  // Whether there is anything to show, and whether it is shown; images are decoded only then.
  refresh() {
    const { ui, root, look } = this.s;
    const there = Boolean(this.data && this.data.context);
    const on = there && Boolean(look.context);
    ui.contextShown.closest("label").hidden = !there;
    ui.contextShown.checked = Boolean(look.context);
    ui.context.hidden = !on;
    root.dataset.context = on ? "1" : "";
    if (!on || this.frames) return;
    const { bytes, frames, width, height } = this.data.context;
    const times = Float64Array.from(frames, (k) => this.data.times[k] - this.data.times[frames[0]]);
    this.frames = framesOfVideo(bytes, { count: frames.length, width, height }, times, ui.context, SHARERS);
  }

  // The image whose frame is nearest to frame i.
  nearest(i) {
    const { frames } = this.data.context;
    let [low, high] = [0, frames.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (frames[middle] <= i) low = middle;
      else high = middle;
    }
    return high > low && frames[high] - i < i - frames[low] ? high : low;
  }

  draw(i) {
    if (!this.frames || this.s.ui.context.hidden) return;
    const { frames } = this;
    frames.request(this.nearest(i), (k, picture) => frames === this.frames && this.paint(this.s.current, k, picture));
  }

  paint(i, k, picture) {
    const { width, height, frames } = this.data.context;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const w = Math.round(ratio * (this.canvas.clientWidth || width));
    const h = Math.round((w * height) / width);
    if (this.canvas.width !== w || this.canvas.height !== h) [this.canvas.width, this.canvas.height] = [w, h];
    const pen = this.canvas.getContext("2d");
    pen.fillStyle = "#777";
    pen.fillRect(0, 0, w, h);
    if (picture) pen.drawImage(picture, 0, 0, w, h);
    const corners = this.data.context.corners.subarray(8 * i, 8 * i + 8);
    const known = corners[0] !== NO_CROP;
    if (known) outline(pen, Array.from(corners, (v, n) => (v / PARTS) * (n % 2 ? h : w)), ratio);
    const other = frames[k] === i ? "" : ` (image of ${this.data.seconds(frames[k]).toFixed(2)} s)`;
    const place = known ? "with the outline of the crop" : "there is no crop here";
    const text = picture ? `Whole image${known ? "," : ";"} ${place}` : `The whole image cannot be decoded here; ${place}`;
    this.canvas.setAttribute("aria-label", text);
    this.canvas.dataset.image = frames[k];
    this.canvas.dataset.frame = i;
    this.under.textContent = unbroken(text + other);
  }

  close() {
    if (this.frames) this.frames.close();
    this.frames = null;
  }
}

// A light line between dark ones is seen on any image.
function outline(pen, points, ratio) {
  pen.beginPath();
  for (let n = 0; n < points.length; n += 2) pen.lineTo(points[n], points[n + 1]);
  pen.closePath();
  for (const [colour, width] of [["rgba(0,0,0,.7)", 4], ["#fff", 2]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = width * ratio;
    pen.stroke();
  }
}

export const connectContext = (s) => new Context(s);
