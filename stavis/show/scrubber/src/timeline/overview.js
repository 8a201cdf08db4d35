// The whole clip in one strip: thumbnails, a ribbon in the colour of the region that leads, and the window that the chart below shows.

import { signs } from "../data.js";
import { Layered } from "./layered.js";

const THUMB = 40;
const RIBBON = 9;
const GRIP = 9;
const LEAST_FRAMES = 8;

// Which segment of the clip is shown, in seconds from the first frame's time on.
export class TimeWindow {
  constructor(data) {
    this.data = data;
    this.reset();
  }

  reset() {
    this.t0 = this.first;
    this.t1 = this.last;
  }

  get first() {
    return this.data.count ? this.data.times[0] : 0;
  }

  get last() {
    return this.data.count ? this.data.times[this.data.count - 1] : 0;
  }

  get whole() {
    return this.t0 <= this.first && this.t1 >= this.last;
  }

  get least() {
    return Math.min(this.last - this.first, ((this.last - this.first) / Math.max(1, this.data.count - 1)) * LEAST_FRAMES);
  }

  // Sets the window; it keeps its length where an end of the clip stops it, and never gets shorter than a few frames.
  set(t0, t1) {
    const length = Math.max(this.least, Math.min(this.last - this.first, t1 - t0));
    this.t0 = Math.max(this.first, Math.min(this.last - length, t0));
    this.t1 = Math.min(this.last, this.t0 + length);
  }

  zoom(factor, around) {
    const part = this.t1 > this.t0 ? (around - this.t0) / (this.t1 - this.t0) : 0.5;
    const length = Math.max(this.least, Math.min(this.last - this.first, (this.t1 - this.t0) * factor));
    this.set(around - part * length, around + (1 - part) * length);
  }

  // Moves the window only as far as it takes to hold t; true where it moved.
  follow(t) {
    if (t >= this.t0 - 1e-9 && t <= this.t1 + 1e-9) return false;
    const length = this.t1 - this.t0;
    const edge = 0.05 * length;
    if (t > this.t1) this.set(t - edge, t - edge + length);
    else this.set(t + edge - length, t + edge);
    return true;
  }

  text() {
    const at = (t) => signs(this.data.start + t, 1);
    return this.whole ? "whole clip" : `${at(this.t0)} to ${at(this.t1)} s`;
  }
}

export class Overview extends Layered {
  constructor(canvas) {
    super(canvas);
    this.thumbs = [];
    this.turn = 0;
  }

  layout(width, pictures) {
    this.resize(Math.max(160, width), (pictures ? THUMB : 0) + RIBBON + 3);
  }

  // Asks the source for as many thumbnails as fit; each is drawn when it comes. A source without thumbnails leaves the strip out.
  async fill(data, source, again) {
    const side = THUMB * (data.meta.width / data.meta.height || 1);
    const count = Math.max(1, Math.min(data.count, Math.floor(this.width / side)));
    if (this.filledFor === source && this.thumbs.length === count) return;
    const turn = ++this.turn;
    this.clear();
    this.filledFor = source;
    this.thumbs = new Array(count).fill(null);
    for (let k = 0; k < count; k++) {
      const i = data.frameAt(data.times[0] + ((k + 0.5) / count) * data.duration);
      const picture = await source.thumbnail(i, THUMB * 2);
      if (turn !== this.turn) return picture && picture.close && picture.close();
      this.thumbs[k] = picture;
      if (k % 8 === 7 || k === count - 1) {
        this.stale = true;
        again();
      }
    }
  }

  clear() {
    for (const picture of this.thumbs) if (picture && picture.close) picture.close();
    this.thumbs = [];
    this.filledFor = null;
  }

  time(data, clientX) {
    const rect = this.canvas.getBoundingClientRect();
    return data.times[0] + Math.max(0, Math.min(1, (clientX - rect.left) / rect.width)) * data.duration;
  }

  x(data, t) {
    return data.duration > 0 ? ((t - data.times[0]) / data.duration) * this.width : 0;
  }

  // What a pointer at this height of the page would take hold of: an edge, the window, or nothing of it.
  grip(data, span, clientX, touch) {
    const x = clientX - this.canvas.getBoundingClientRect().left;
    const reach = touch ? 2 * GRIP : GRIP;
    const [a, b] = [this.x(data, span.t0), this.x(data, span.t1)];
    if (Math.abs(x - a) <= reach && Math.abs(x - a) <= Math.abs(x - b)) return "start";
    if (Math.abs(x - b) <= reach) return "end";
    return !span.whole && x > a && x < b ? "window" : "";
  }

  draw(data, i, curves, map, span, annotations, theme) {
    const pen = this.begin((under) => this.drawStatic(under, data, curves, map, annotations, theme));
    const [a, b] = [this.x(data, span.t0), this.x(data, span.t1)];
    pen.fillStyle = theme.back;
    pen.globalAlpha = 0.68;
    pen.fillRect(0, 0, a, this.height);
    pen.fillRect(b, 0, this.width - b, this.height);
    pen.globalAlpha = 1;
    pen.strokeStyle = pen.fillStyle = theme.accent;
    pen.lineWidth = 1.5;
    pen.strokeRect(Math.max(0.75, a), 0.75, Math.min(this.width - 0.75, b) - Math.max(0.75, a), this.height - 1.5);
    for (const x of [Math.max(2, a), Math.min(this.width - 2, b)]) pen.fillRect(x - 2, this.height / 2 - 9, 4, 18);
    const x = this.x(data, data.times[i]);
    pen.fillStyle = theme.back;
    pen.fillRect(x - 2, 0, 4, this.height);
    pen.fillStyle = theme.text;
    pen.fillRect(x - 1, 0, 2, this.height);
  }

  drawStatic(pen, data, curves, map, annotations, theme) {
    const bottom = this.height - RIBBON;
    pen.fillStyle = theme.gap;
    pen.fillRect(0, 0, this.width, this.height);
    const step = this.width / Math.max(1, this.thumbs.length);
    this.thumbs.forEach((picture, k) => picture && pen.drawImage(picture, k * step, 0, step + 0.5, bottom - 2));
    if (map && map.shares >= 0) {
      const columns = Math.max(1, Math.round(this.width));
      const leading = curves.leaders(map, columns);
      for (let c = 0, from = 0; c < columns; c++) {
        if (c + 1 < columns && leading[c + 1] === leading[c]) continue;
        if (leading[c] >= 0) {
          pen.fillStyle = theme.of(data.groups[leading[c]]);
          pen.fillRect(from, bottom, c + 1 - from, RIBBON);
        }
        from = c + 1;
      }
    }
    const half = data.count > 1 ? data.duration / (data.count - 1) / 2 : 0;
    pen.fillStyle = theme.excluded;
    for (const [t0, t1] of annotations.exclude) this.span(pen, data, t0 - data.start, t1 - data.start);
    pen.fillStyle = theme.gap;
    for (const [from, to] of data.meta.gaps || []) this.span(pen, data, data.times[from] - half, data.times[to] + half);
    pen.fillStyle = theme.accent;
    for (const [t] of annotations.events) pen.fillRect(this.x(data, t - data.start) - 1, 0, 2, this.height);
  }

  span(pen, data, t0, t1) {
    const x = Math.max(0, this.x(data, t0));
    pen.fillRect(x, 0, Math.max(1, Math.min(this.width, this.x(data, t1)) - x), this.height);
  }

  close() {
    this.turn++;
    this.clear();
    super.close();
  }
}
