// The curves in the window of time that is shown: shares of the chosen map by region, then the values, then signals as thin rows; one time
// axis and one cursor for all. What does not move with the cursor is drawn once and kept.

import { signs, tick } from "./data.js";
import { drawWaveform } from "./media/sound.js";
import { framesWithin } from "./timeline/curves.js";
import { Layered } from "./timeline/layered.js";
import { columnStarts, envelope } from "./timeline/pyramid.js";

// Wide enough for "−0.0829": no number on an axis is longer.
const LEFT = 48;
const RIGHT = 10;
const TOP = 18;
// A strip above the curves for the cursor's head and the events' flags.
const FLAGS = 14;
const HEIGHTS = { shares: 124, values: 84, thin: 20, sound: 26 };

export class Chart extends Layered {
  layout(data, look, width, curves, span) {
    this.curves = curves;
    this.span = span;
    this.half = halfOf(data, look.smoothing);
    this.panels = [];
    let y = FLAGS;
    const map = data.map(look.map);
    if (map && map.shares >= 0) {
      const high = look.stacked ? 1 : curves.top(map);
      this.panels.push({ title: `Share of ${map.name} by region`, unit: "%", low: 0, high, shares: map, top: y + TOP, h: HEIGHTS.shares });
      y += HEIGHTS.shares + TOP + 8;
    }
    let thin = false;
    for (const panel of data.panels) {
      if (panel.flat && !look.flat) continue;
      if (panel.small && !thin) y += 6;
      thin = Boolean(panel.small);
      const h = thin ? HEIGHTS.thin : HEIGHTS.values;
      const head = thin ? 3 : TOP;
      this.panels.push({ ...panel, top: y + head, h });
      y += h + head + (thin ? 3 : 8);
    }
    if (data.waveform) {
      this.panels.push({ title: "sound", waveform: data.waveform, small: true, top: y + 3, h: HEIGHTS.sound });
      y += HEIGHTS.sound + 6;
    }
    this.resize(Math.max(160, width), Math.max(44, y) + 16);
    this.starts = this.columnsOf(data);
  }

  // Where frames outnumber pixels: the first frame of each column of pixels in the window; else null.
  columnsOf(data) {
    const { t0, t1 } = this.span;
    const [from, to] = framesWithin(data.times, t0, t1);
    const columns = Math.max(1, Math.round((this.width - LEFT - RIGHT) * this.ratio));
    return to - from > 2 * columns ? columnStarts(data.times, from, to, t0, t1, columns) : null;
  }

  x(data, t) {
    const inner = this.width - LEFT - RIGHT;
    const { t0, t1 } = this.span;
    return LEFT + (t1 > t0 ? ((t - t0) / (t1 - t0)) * inner : inner / 2);
  }

  time(data, clientX) {
    const rect = this.canvas.getBoundingClientRect();
    const part = (clientX - rect.left - LEFT) / (rect.width - LEFT - RIGHT);
    return this.span.t0 + Math.max(0, Math.min(1, part)) * (this.span.t1 - this.span.t0);
  }

  frameAt(data, clientX) {
    return data.frameAt(this.time(data, clientX));
  }

  draw(data, i, look, annotations, theme) {
    const pen = this.begin((under) => this.drawStatic(under, data, look, annotations, theme));
    const t = data.times[i];
    if (t < this.span.t0 - 1e-9 || t > this.span.t1 + 1e-9) return;
    const x = this.x(data, t);
    pen.strokeStyle = theme.text;
    pen.lineWidth = 1.2;
    pen.beginPath();
    pen.moveTo(x, 8);
    pen.lineTo(x, this.height - 18);
    pen.stroke();
    pen.fillStyle = theme.text;
    pen.beginPath();
    pen.moveTo(x - 5, 3);
    pen.lineTo(x + 5, 3);
    pen.lineTo(x, 10);
    pen.fill();
  }

  drawStatic(pen, data, look, annotations, theme) {
    pen.font = `11px ${theme.font}`;
    this.gaps(pen, data, theme);
    for (const panel of this.panels) {
      if (!panel.waveform) this.axis(pen, panel, theme);
      pen.save();
      pen.beginPath();
      pen.rect(LEFT - 2, panel.top - 2, this.width - LEFT - RIGHT + 4, panel.h + 4);
      pen.clip();
      if (panel.waveform) this.sound(pen, panel, theme);
      else if (panel.shares) this.shares(pen, data, panel, look, theme);
      else this.traces(pen, data, panel, theme);
      pen.restore();
    }
    this.timeAxis(pen, data, theme);
    this.ranges(pen, data, annotations, theme);
    this.flags(pen, data, annotations, theme);
  }

  sound(pen, panel, theme) {
    const box = { x: LEFT, y: panel.top, w: this.width - LEFT - RIGHT, h: panel.h };
    drawWaveform(pen, panel.waveform, this.span.t0, this.span.t1, box, theme.faint);
    this.rowName(pen, panel, theme);
  }

  axis(pen, panel, theme) {
    const { top } = panel;
    pen.fillStyle = theme.text;
    pen.textAlign = "left";
    pen.textBaseline = "alphabetic";
    if (!panel.small) {
      pen.font = `600 11px ${theme.font}`;
      pen.fillText(panel.title, LEFT + 8, top - 6);
    }
    pen.font = `11px ${theme.font}`;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.lineWidth = 1;
    const ticks = panel.small ? [panel.low] : [panel.low, (panel.low + panel.high) / 2, panel.high];
    for (const value of ticks) {
      const y = Math.round(top + panel.h * (1 - (value - panel.low) / (panel.high - panel.low || 1))) + 0.5;
      pen.strokeStyle = theme.grid;
      pen.beginPath();
      pen.moveTo(LEFT, y);
      pen.lineTo(this.width - RIGHT, y);
      pen.stroke();
      pen.fillStyle = theme.faint;
      if (!panel.small) pen.fillText(panel.unit === "%" ? Math.round(value * 100) + " %" : tick(value), LEFT - 6, y);
    }
    // A thin row has room for the top of its range alone.
    if (panel.small) pen.fillText(tick(panel.high), LEFT - 6, top + panel.h / 2);
  }

  // The name of a thin row stands in it, on a ground of its own, over the line.
  rowName(pen, panel, theme) {
    pen.font = `11px ${theme.font}`;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    const width = pen.measureText(panel.title).width;
    pen.fillStyle = theme.back;
    pen.globalAlpha = 0.8;
    pen.fillRect(LEFT + 4, panel.top + panel.h / 2 - 8, width + 8, 16);
    pen.globalAlpha = 1;
    pen.fillStyle = theme.text;
    pen.fillText(panel.title, LEFT + 8, panel.top + panel.h / 2);
  }

  // One curve in the window; where frames outnumber pixels a band from the lowest to the highest value of each column.
  line(pen, data, panel, values) {
    const y = (v) => panel.top + panel.h * (1 - (v - panel.low) / (panel.high - panel.low || 1));
    if (this.starts) return this.band(pen, envelope(this.curves.levels(values), this.starts), y);
    pen.beginPath();
    this.points(pen, data, values, ...framesWithin(data.times, this.span.t0, this.span.t1), y);
    pen.stroke();
  }

  points(pen, data, values, from, to, y) {
    let on = false;
    let lone = -1;
    const dot = (k) => {
      pen.moveTo(this.x(data, data.times[k]) + 1.5, y(values[k]));
      pen.arc(this.x(data, data.times[k]), y(values[k]), 1.5, 0, 7);
    };
    for (let k = from; k < to; k++) {
      const v = values[k];
      if (!Number.isFinite(v)) {
        if (lone >= 0) dot(lone);
        on = false;
        lone = -1;
        continue;
      }
      pen[on ? "lineTo" : "moveTo"](this.x(data, data.times[k]), y(v));
      lone = on ? -1 : k;
      on = true;
    }
    if (lone >= 0) dot(lone);
  }

  // Columns without a value are left free. Upright boxes cost a small part of what a line up and down each column does.
  band(pen, { low, high }, y) {
    const step = (this.width - LEFT - RIGHT) / low.length;
    const half = pen.lineWidth / 2;
    const snap = (v) => Math.round(v * this.ratio) / this.ratio;
    pen.fillStyle = pen.strokeStyle;
    for (let c = 0; c < low.length; c++) {
      if (!(low[c] === low[c])) continue;
      // A column reaches to its neighbour's nearest value, so that a steep curve has no holes.
      const bottom = snap(y(c && high[c - 1] < low[c] ? high[c - 1] : low[c]) + half);
      const top = snap(y(c && low[c - 1] > high[c] ? low[c - 1] : high[c]) - half);
      pen.fillRect(LEFT + c * step, top, step, Math.max(1 / this.ratio, bottom - top));
    }
  }

  shares(pen, data, panel, look, theme) {
    if (look.stacked) return this.stack(pen, data, panel, theme);
    pen.lineJoin = "round";
    for (const group of data.groups) {
      pen.strokeStyle = theme.of(group);
      pen.setLineDash(group.dash);
      pen.lineWidth = group.faint ? 1.2 : 1.8;
      this.line(pen, data, panel, this.curves.share(panel.shares, group, this.half));
    }
    pen.setLineDash([]);
  }

  stack(pen, data, panel, theme) {
    const { top } = panel;
    const [first, last] = framesWithin(data.times, this.span.t0, this.span.t1);
    // As many steps as there are pixels: the areas of frames in between cannot be told apart.
    const step = Math.max(1, Math.floor((last - first) / (2 * this.width)));
    const base = new Float32Array(data.count);
    for (const group of data.groups) {
      const values = this.curves.share(panel.shares, group, this.half);
      pen.fillStyle = theme.of(group);
      pen.globalAlpha = 0.85;
      for (let from = first; from < last; ) {
        while (from < last && !Number.isFinite(values[from])) from++;
        let to = from;
        while (to < last && Number.isFinite(values[to])) to++;
        if (to === from) break;
        pen.beginPath();
        for (let k = from; k < to; k += step) pen.lineTo(this.x(data, data.times[k]), top + panel.h * (1 - base[k] - values[k]));
        for (let k = from + Math.floor((to - 1 - from) / step) * step; k >= from; k -= step) {
          pen.lineTo(this.x(data, data.times[k]), top + panel.h * (1 - base[k]));
        }
        pen.fill();
        for (let k = from; k < to; k++) base[k] += values[k];
        from = to;
      }
    }
    pen.globalAlpha = 1;
  }

  traces(pen, data, panel, theme) {
    pen.lineJoin = "round";
    for (const trace of data.traces.filter((t) => t.panel === panel.key)) {
      pen.strokeStyle = theme.of(trace);
      pen.setLineDash(trace.dash || []);
      pen.lineWidth = trace.kind === "rater" ? 0.8 : panel.small ? 1.5 : 1.9;
      pen.globalAlpha = trace.kind === "rater" ? 0.55 : 1;
      this.line(pen, data, panel, this.curves.trace(trace, this.half));
    }
    pen.setLineDash([]);
    pen.globalAlpha = 1;
    if (panel.small) this.rowName(pen, panel, theme);
  }

  // The box of a segment of time over all panels; what lies outside the window is cut. null where nothing of it is inside.
  area(data, t0, t1) {
    const { span } = this;
    if (t1 < span.t0 || t0 > span.t1) return null;
    const clamp = (t) => Math.max(span.t0, Math.min(span.t1, t));
    const x = this.x(data, clamp(t0));
    const y = FLAGS + TOP;
    return [x, y, Math.max(2, this.x(data, clamp(t1)) - x), this.height - 18 - y];
  }

  // Segments without a valid frame.
  gaps(pen, data, theme) {
    const half = data.count > 1 ? data.duration / (data.count - 1) / 2 : 0;
    for (const [from, to] of data.meta.gaps || []) {
      const box = this.area(data, data.times[from] - half, data.times[to] + half);
      if (!box) continue;
      pen.fillStyle = theme.gap;
      pen.fillRect(...box);
      hatch(pen, box, theme.faint);
    }
  }

  // Stretches the user excluded, and the one chosen now.
  ranges(pen, data, annotations, theme) {
    pen.fillStyle = theme.excluded;
    for (const [t0, t1] of annotations.exclude) {
      const box = this.area(data, t0 - data.start, t1 - data.start);
      if (box) pen.fillRect(...box);
    }
    const chosen = annotations.range;
    const box = chosen && this.area(data, data.times[chosen[0]], data.times[chosen[1]]);
    if (box) {
      pen.fillStyle = theme.chosen;
      pen.fillRect(...box);
      pen.strokeStyle = theme.accent;
      pen.strokeRect(...box);
    }
  }

  flags(pen, data, annotations, theme) {
    pen.font = `11px ${theme.font}`;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    for (const [t, label] of annotations.events) {
      if (t - data.start < this.span.t0 - 1e-6 || t - data.start > this.span.t1 + 1e-6) continue;
      const x = this.x(data, t - data.start);
      pen.strokeStyle = pen.fillStyle = theme.accent;
      pen.lineWidth = 1.4;
      pen.beginPath();
      pen.moveTo(x, 2);
      pen.lineTo(x, this.height - 18);
      pen.stroke();
      pen.beginPath();
      pen.moveTo(x, 2);
      pen.lineTo(x + 9, 6);
      pen.lineTo(x, 10);
      pen.fill();
      if (label && x < this.width - 60) pen.fillText(label.slice(0, 16), x + 12, 7);
    }
  }

  timeAxis(pen, data, theme) {
    pen.font = `11px ${theme.font}`;
    pen.fillStyle = theme.faint;
    pen.textBaseline = "top";
    const y = this.height - 14;
    pen.textAlign = "center";
    const { t0, t1 } = this.span;
    if (!(t1 > t0)) return;
    const step = niceStep((t1 - t0) / Math.max(2, Math.floor(this.width / 90)));
    const first = Math.ceil((data.start + t0) / step) * step;
    for (let t = first; t <= data.start + t1 + 1e-6; t += step) {
      const x = this.x(data, t - data.start);
      pen.fillText(signs(t, step < 1 ? (step < 0.1 ? 2 : 1) : 0) + " s", Math.max(14, Math.min(this.width - 16, x)), y);
    }
  }
}

// How many frames on either side a smoothing over so many seconds takes in.
function halfOf(data, seconds) {
  if (!(seconds > 0) || data.count < 2 || data.duration <= 0) return 0;
  return Math.max(1, Math.round((seconds * (data.count - 1)) / data.duration / 2));
}

function niceStep(raw) {
  const power = Math.pow(10, Math.floor(Math.log10(raw)));
  return power * ([1, 2, 5, 10].find((k) => k * power >= raw) || 10);
}

function hatch(pen, [x, y, w, h], colour) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, w, h);
  pen.clip();
  pen.globalAlpha = 0.35;
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let k = x - h; k < x + w; k += 6) {
    pen.moveTo(k, y + h);
    pen.lineTo(k + h, y);
  }
  pen.stroke();
  pen.restore();
}
