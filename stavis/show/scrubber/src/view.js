// The picture: one canvas that shows the current frame in one of four views.

import { cellAt, short } from "./data.js";
import { drawContours, drawOutlines, Overlay } from "./overlay.js";
import { Lens } from "./picture/lens.js";

// The tallest an image gets, in pixels of the page: with the transport it fits a screen of 900.
const TALLEST = 480;

export class View {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.overlay = new Overlay();
    this.lens = new Lens();
    this.source = null;
  }

  // Sizes the canvas to the screen's own pixels; the picture keeps its shape.
  fit(data, look, width) {
    const panes = look.mode === "side" ? 2 : 1;
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    const gap = panes === 2 ? 6 : 0;
    const aspect = data.meta.height / data.meta.width || 1;
    const pane = Math.max(40, Math.min((width - gap) / panes, TALLEST / Math.max(0.5, aspect)));
    const w = Math.round((pane * panes + gap) * this.ratio);
    const h = Math.round(pane * aspect * this.ratio);
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
    }
    this.canvas.style.width = w / this.ratio + "px";
    const one = { x: 0, y: 0, w: Math.round(pane * this.ratio), h };
    this.boxes = panes === 2 ? [one, { ...one, x: w - one.w }] : [one];
  }

  draw(data, i, picture, look) {
    const { pen } = this;
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const first = data.map(look.map);
    const second = data.map(look.second);
    const layers = this.layers(data, i, look, first, second);
    this.boxes.forEach((box, k) => this.frame(box, data, i, picture, look, layers[k]));
    if (look.mode === "wipe") {
      const box = this.boxes[0];
      const cut = Math.round(box.w * look.wipe);
      pen.save();
      pen.beginPath();
      pen.rect(cut, 0, box.w - cut, box.h);
      pen.clip();
      this.frame(box, data, i, picture, look, layers[1]);
      pen.restore();
      this.divider(cut, box.h);
    }
    this.shown = { data, i, layers, look };
  }

  // What lies over the left and the right picture; null = nothing.
  layers(data, i, look, first, second) {
    if (look.mode === "difference") {
      const both = first && second ? data.difference(first, second, i, look.scale) : null;
      return [both, null];
    }
    return [data.grid(first, i, look.scale), look.mode === "overlay" ? null : data.grid(second, i, look.scale)];
  }

  frame(box, data, i, picture, look, layer) {
    const { pen } = this;
    pen.save();
    pen.beginPath();
    pen.rect(box.x, box.y, box.w, box.h);
    pen.clip();
    this.paint(pen, this.lens.expand(box), data, i, picture, look, layer);
    pen.restore();
  }

  // The image with all that lies over it, into a box that may reach beyond what is seen.
  paint(pen, box, data, i, picture, look, layer) {
    if (picture) {
      pen.imageSmoothingEnabled = true;
      pen.imageSmoothingQuality = "high";
      pen.drawImage(picture, box.x, box.y, box.w, box.h);
    } else {
      pen.fillStyle = "#777";
      pen.fillRect(box.x, box.y, box.w, box.h);
    }
    if (layer) this.overlay.draw(pen, box, layer, look, data.meta.palettes);
    if (look.outlines) drawOutlines(pen, box, data, i, this.ratio);
    if (layer && look.contours) drawContours(pen, box, layer, this.ratio);
  }

  divider(x, h) {
    const { pen, ratio } = this;
    pen.fillStyle = "rgba(0,0,0,.5)";
    pen.fillRect(x - 1.5 * ratio, 0, 3 * ratio, h);
    pen.fillStyle = "#fff";
    pen.fillRect(x - 0.75 * ratio, 0, 1.5 * ratio, h);
    pen.beginPath();
    pen.arc(x, h / 2, 7 * ratio, 0, 2 * Math.PI);
    pen.fill();
    pen.strokeStyle = "rgba(0,0,0,.6)";
    pen.lineWidth = ratio;
    pen.stroke();
  }

  // Where in its pane a pointer is: [u, v, number of the pane], u and v in [0,1]; null beside the panes.
  paneAt(event) {
    if (!this.boxes) return null;
    const rect = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - rect.left) / rect.width) * this.canvas.width;
    const y = ((event.clientY - rect.top) / rect.height) * this.canvas.height;
    const k = this.boxes.findIndex((b) => x >= b.x && x < b.x + b.w && y >= 0 && y < b.h);
    return k < 0 ? null : [(x - this.boxes[k].x) / this.boxes[k].w, y / this.boxes[k].h, k];
  }

  // What lies under the pointer, in words; "" outside.
  valueAt(event) {
    const found = this.shown && this.paneAt(event);
    if (!found) return "";
    const { data, i, layers, look } = this.shown;
    const [u, v] = this.lens.at(found[0], found[1]);
    const k = look.mode === "wipe" && found[0] > look.wipe ? 1 : found[2];
    const words = [];
    const region = data.regionAt(i, u, v);
    if (region >= 0) words.push(data.meta.regions[region].replaceAll("_", " "));
    if (layers[k]) {
      const map = data.map(k ? look.second : look.map);
      const value = cellAt(layers[k].grid, layers[k], u, v);
      words.push(look.mode === "difference" ? `difference of densities ${short(value)}` : `${map.name} ${short(value)} ${map.unit}`.trim());
    }
    return words.join(" · ");
  }
}
