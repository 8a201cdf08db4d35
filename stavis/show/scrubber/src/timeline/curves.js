// Curves over time as numbers, smoothed where asked for. Nothing here touches the page.

import { pyramid } from "./pyramid.js";

// The mean over `half` frames on either side; frames without a value count for nothing and stay without one.
export function smooth(values, half) {
  if (!(half > 0)) return values;
  const count = values.length;
  const sums = new Float64Array(count + 1);
  const known = new Uint32Array(count + 1);
  for (let k = 0; k < count; k++) {
    const there = Number.isFinite(values[k]);
    sums[k + 1] = sums[k] + (there ? values[k] : 0);
    known[k + 1] = known[k] + (there ? 1 : 0);
  }
  const out = new Float32Array(count);
  for (let k = 0; k < count; k++) {
    const from = Math.max(0, k - half);
    const to = Math.min(count, k + half + 1);
    out[k] = Number.isFinite(values[k]) ? (sums[to] - sums[from]) / (known[to] - known[from]) : NaN;
  }
  return out;
}

// The frames of a window of time, one more on either side so that lines reach its edges: [from, to), to exclusive.
export function framesWithin(times, t0, t1) {
  const before = (t) => {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < t) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return [Math.max(0, before(t0) - 1), Math.min(times.length, before(t1) + 2)];
}

// The curves of a clip, each made once: shares by map and group, the rows of traces, and their smoothed forms.
export class Curves {
  constructor(data) {
    this.data = data;
    this.kept = new Map();
    this.coarse = new WeakMap();
  }

  get(key, build) {
    if (!this.kept.has(key)) this.kept.set(key, build());
    return this.kept.get(key);
  }

  share(map, group, half = 0) {
    const { data } = this;
    const whole = this.get(`share ${map.name} ${group.key}`, () => {
      const valid = data.row(1);
      const out = new Float32Array(data.count);
      for (const r of group.rows) {
        const row = data.row(map.shares + r);
        for (let k = 0; k < out.length; k++) out[k] += row[k];
      }
      for (let k = 0; k < out.length; k++) if (!(valid[k] > 0)) out[k] = NaN;
      return out;
    });
    return half ? this.get(`share ${map.name} ${group.key} ${half}`, () => smooth(whole, half)) : whole;
  }

  trace(trace, half = 0) {
    const row = this.get(`trace ${trace.row}`, () => this.data.row(trace.row));
    return half ? this.get(`trace ${trace.row} ${half}`, () => smooth(row, half)) : row;
  }

  // The lowest and highest values of a curve of this clip at every coarseness.
  levels(values) {
    if (!this.coarse.has(values)) this.coarse.set(values, pyramid(values));
    return this.coarse.get(values);
  }

  // The top of the share chart: the largest share rounded up to the next tenth (two tenths at least).
  top(map) {
    return this.get(`top ${map.name}`, () => {
      let top = 0.2;
      for (const group of this.data.groups) for (const v of this.share(map, group)) if (v > top) top = v;
      return Math.min(1, Math.ceil(top * 10 - 1e-6) / 10);
    });
  }

  // Which group leads in each of `columns` stretches of the clip: its index by mean share, −1 where nobody knows.
  leaders(map, columns) {
    return this.get(`leaders ${map.name} ${columns}`, () => {
      const { data } = this;
      const out = new Int8Array(columns).fill(-1);
      const best = new Float32Array(columns);
      data.groups.forEach((group, g) => {
        const values = this.share(map, group);
        const sums = new Float64Array(columns);
        const counts = new Uint32Array(columns);
        for (let k = 0; k < values.length; k++) {
          if (!Number.isFinite(values[k])) continue;
          const at = data.duration > 0 ? ((data.times[k] - data.times[0]) / data.duration) * columns : 0;
          const c = Math.min(columns - 1, Math.floor(at));
          sums[c] += values[k];
          counts[c]++;
        }
        for (let c = 0; c < columns; c++) {
          if (counts[c] && sums[c] / counts[c] > best[c]) {
            best[c] = sums[c] / counts[c];
            out[c] = g;
          }
        }
      });
      // With fewer frames than columns some have none: the one before goes on, unless a stretch without frames is longer than that.
      const reach = Math.ceil(columns / Math.max(1, data.count)) + 1;
      for (let c = 1, since = 0; c < columns; c++) {
        if (out[c] >= 0) since = 0;
        else if (++since <= reach && out[c - 1] >= 0 && data.count < columns) out[c] = out[c - 1];
      }
      return out;
    });
  }
}
