// The curves under the picture: shares of the chosen map by region, then the traces, one time axis and one cursor for all.
// What does not move with the cursor is drawn once and kept.

import { signs, tick } from "./data.js";

// Wide enough for "−0.0829": no number on an axis is longer.
const LEFT = 48;
const RIGHT = 10;
const TOP = 18;
// A strip above the curves for the cursor's head and the events' flags.
const FLAGS = 14;

export class Chart {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.background = document.createElement("canvas");
    this.stale = true;
  }

  layout(data, look, width) {
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    this.width = Math.max(160, width);
    this.panels = [];
    let y = FLAGS;
    const map = data.map(look.map);
    if (map && map.shares >= 0) {
      const high = look.stacked ? 1 : this.highest(data, map);
      this.panels.push({ title: `Share of ${map.name} by region`, unit: "%", low: 0, high, shares: map, y, h: 118 });
      y += 118 + TOP + 8;
    }
    for (const panel of data.panels) {
      const h = panel.small ? 52 : 84;
      this.panels.push({ ...panel, y, h });
      y += h + TOP + 8;
    }
    this.height = Math.max(44, y) + 16;
    const w = Math.round(this.width * this.ratio);
    const h = Math.round(this.height * this.ratio);
    for (const canvas of [this.canvas, this.background]) {
      if (canvas.width !== w || canvas.height !== h) {
        canvas.width = w;
        canvas.height = h;
      }
    }
    this.canvas.style.width = this.width + "px";
    this.canvas.style.height = this.height + "px";
    this.stale = true;
  }

  // The top of the share chart: the largest share rounded up to the next tenth (two tenths at least).
  highest(data, map) {
    let top = 0.2;
    for (const group of data.groups) {
      for (let k = 0; k < data.count; k++) if (data.row(1)[k] > 0) top = Math.max(top, data.share(map, group, k) || 0);
    }
    return Math.min(1, Math.ceil(top * 10 - 1e-6) / 10);
  }

  x(data, t) {
    const inner = this.width - LEFT - RIGHT;
    return LEFT + (data.duration > 0 ? ((t - data.times[0]) / data.duration) * inner : inner / 2);
  }

  frameAt(data, clientX) {
    const rect = this.canvas.getBoundingClientRect();
    const part = (clientX - rect.left - LEFT) / (rect.width - LEFT - RIGHT);
    return data.frameAt(data.times[0] + Math.max(0, Math.min(1, part)) * data.duration);
  }

  draw(data, i, look, annotations, theme) {
    if (this.stale) {
      this.drawStatic(data, look, annotations, theme);
      this.stale = false;
    }
    const { pen, ratio } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.drawImage(this.background, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const x = this.x(data, data.times[i]);
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

  drawStatic(data, look, annotations, theme) {
    const pen = this.background.getContext("2d");
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.font = `11px ${theme.font}`;
    this.gaps(pen, data, theme);
    for (const panel of this.panels) {
      this.axis(pen, panel, theme);
      pen.save();
      pen.beginPath();
      pen.rect(LEFT - 2, panel.y + TOP - 2, this.width - LEFT - RIGHT + 4, panel.h + 4);
      pen.clip();
      if (panel.shares) this.shares(pen, data, panel, look, theme);
      else this.traces(pen, data, panel, theme);
      pen.restore();
    }
    this.timeAxis(pen, data, theme);
    this.ranges(pen, data, annotations, theme);
    this.flags(pen, data, annotations, theme);
  }

  axis(pen, panel, theme) {
    const top = panel.y + TOP;
    pen.fillStyle = theme.text;
    pen.textAlign = "left";
    pen.textBaseline = "alphabetic";
    pen.font = `600 11px ${theme.font}`;
    pen.fillText(panel.title, LEFT + 8, top - 6);
    pen.font = `11px ${theme.font}`;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.lineWidth = 1;
    const ticks = panel.small ? [panel.low, panel.high] : [panel.low, (panel.low + panel.high) / 2, panel.high];
    for (const value of ticks) {
      const y = Math.round(top + panel.h * (1 - (value - panel.low) / (panel.high - panel.low || 1))) + 0.5;
      pen.strokeStyle = theme.grid;
      pen.beginPath();
      pen.moveTo(LEFT, y);
      pen.lineTo(this.width - RIGHT, y);
      pen.stroke();
      pen.fillStyle = theme.faint;
      pen.fillText(panel.unit === "%" ? Math.round(value * 100) + " %" : tick(value), LEFT - 6, y);
    }
  }

  line(pen, data, panel, values) {
    const top = panel.y + TOP;
    const step = Math.max(1, Math.floor(data.count / (4 * this.width)));
    pen.beginPath();
    let on = false;
    let lone = -1;
    const y = (v) => top + panel.h * (1 - (v - panel.low) / (panel.high - panel.low || 1));
    const dot = (k) => {
      pen.moveTo(this.x(data, data.times[k]) + 1.5, y(values(k)));
      pen.arc(this.x(data, data.times[k]), y(values(k)), 1.5, 0, 7);
    };
    for (let k = 0; k < data.count; k += step) {
      const v = values(k);
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
    pen.stroke();
  }

  shares(pen, data, panel, look, theme) {
    const seen = (k) => (data.row(1)[k] > 0 ? 1 : NaN);
    if (look.stacked) return this.stack(pen, data, panel, theme);
    pen.lineJoin = "round";
    for (const group of data.groups) {
      pen.strokeStyle = theme.of(group);
      pen.setLineDash(group.dash);
      pen.lineWidth = group.faint ? 1.2 : 1.8;
      this.line(pen, data, panel, (k) => data.share(panel.shares, group, k) * seen(k));
    }
    pen.setLineDash([]);
  }

  stack(pen, data, panel, theme) {
    const base = new Float32Array(data.count);
    const top = panel.y + TOP;
    for (const group of data.groups) {
      pen.fillStyle = theme.of(group);
      pen.globalAlpha = 0.85;
      for (let from = 0; from < data.count; ) {
        const known = (k) => data.row(1)[k] > 0 && Number.isFinite(data.share(panel.shares, group, k));
        while (from < data.count && !known(from)) from++;
        let to = from;
        while (to < data.count && known(to)) to++;
        if (to === from) break;
        pen.beginPath();
        for (let k = from; k < to; k++) {
          pen.lineTo(this.x(data, data.times[k]), top + panel.h * (1 - base[k] - data.share(panel.shares, group, k)));
        }
        for (let k = to - 1; k >= from; k--) pen.lineTo(this.x(data, data.times[k]), top + panel.h * (1 - base[k]));
        pen.fill();
        for (let k = from; k < to; k++) base[k] += data.share(panel.shares, group, k);
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
      pen.lineWidth = trace.kind === "rater" ? 0.8 : 1.9;
      pen.globalAlpha = trace.kind === "rater" ? 0.55 : 1;
      const row = data.row(trace.row);
      this.line(pen, data, panel, (k) => row[k]);
    }
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  // The box of a stretch of time over all panels; what lies outside the clip is cut.
  area(data, t0, t1) {
    const clamp = (t) => Math.max(data.times[0], Math.min(data.times[data.count - 1], t));
    const x = this.x(data, clamp(t0));
    const y = FLAGS + TOP;
    return [x, y, Math.max(2, this.x(data, clamp(t1)) - x), this.height - 18 - y];
  }

  // Segments without a valid frame.
  gaps(pen, data, theme) {
    const half = data.count > 1 ? data.duration / (data.count - 1) / 2 : 0;
    for (const [from, to] of data.meta.gaps || []) {
      const box = this.area(data, data.times[from] - half, data.times[to] + half);
      pen.fillStyle = theme.gap;
      pen.fillRect(...box);
      hatch(pen, box, theme.faint);
    }
  }

  // Stretches the user excluded, and the one chosen now.
  ranges(pen, data, annotations, theme) {
    pen.fillStyle = theme.excluded;
    for (const [t0, t1] of annotations.exclude) pen.fillRect(...this.area(data, t0 - data.start, t1 - data.start));
    if (annotations.range) {
      const box = this.area(data, data.times[annotations.range[0]], data.times[annotations.range[1]]);
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
    if (data.duration <= 0) return;
    const step = niceStep(data.duration / Math.max(2, Math.floor(this.width / 90)));
    const first = Math.ceil((data.start + data.times[0]) / step) * step;
    for (let t = first; t <= data.start + data.times[data.count - 1] + 1e-6; t += step) {
      const x = this.x(data, t - data.start);
      pen.fillText(signs(t, step < 1 ? (step < 0.1 ? 2 : 1) : 0) + " s", Math.max(14, Math.min(this.width - 16, x)), y);
    }
  }
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
