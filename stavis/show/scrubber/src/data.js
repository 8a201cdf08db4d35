// The clip as it came from Python: one description and five buffers. Nothing here touches the page.
// A long clip in a page has `loadPiece` in place of three of them: images, maps and outlines of a few seconds at a time.

import { Pieces } from "./media/pieces.js";

export function bytesOf(value) {
  if (!value) return new Uint8Array(0);
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

// A copy starts at a multiple of four, which typed arrays need and a websocket's buffers need not have.
const aligned = (value) => bytesOf(value).slice().buffer;

export class ClipData {
  constructor(model) {
    const meta = model.get("clip") || {};
    this.meta = meta;
    this.count = meta.count || 0;
    this.start = meta.start || 0;
    this.maps = meta.maps || [];
    this.groups = meta.groups || [];
    this.panels = meta.panels || [];
    this.traces = meta.traces || [];
    this.numbers = new Float32Array(aligned(model.get("numbers")));
    this.values = bytesOf(model.get("maps"));
    this.times = this.row(0);
    const outlines = aligned(model.get("outlines"));
    this.rings = outlines.byteLength ? new Uint16Array(outlines) : null;
    this.tops = new Map();
    this.pieces = piecesOf(model, meta);
    // Where maps and outlines come from: null for the buffers that hold them whole.
    this.stock = model.get("loadPiece") ? this.pieces : null;
    this.sampled = this.stock ? bytesOf(model.get("samples")) : null;
    this.outlined = this.stock ? this.pieces.sizes.some((size) => size[2]) : Boolean(this.rings);
    this.readMedia(bytesOf(model.get("media")), meta.media || {});
  }

  // thumbnails: {frames, mime, image(k)}; waveform: {peaks (codes of 0 to 255), perSecond, top}; sound: {bytes, mime, seconds};
  // context: {bytes, frames (those that its images are of), width, height, corners (8 numbers a frame of the clip)}; null: none.
  readMedia(bytes, { thumbnails, waveform, sound, context }) {
    const part = (one) => bytes.subarray(one.offset, one.offset + one.bytes);
    const corners = (one) => new Int16Array(bytes.slice(one.corners, one.corners + 16 * this.count).buffer);
    const image = (k) => bytes.subarray(thumbnails.offsets[k], thumbnails.offsets[k + 1]);
    this.thumbnails = thumbnails ? { frames: thumbnails.frames, mime: thumbnails.mime, image } : null;
    this.waveform = waveform ? { peaks: part(waveform), perSecond: waveform.perSecond, top: waveform.top } : null;
    this.context = context ? { ...context, bytes: part(context), corners: corners(context) } : null;
    this.sound = sound ? { bytes: part(sound), mime: sound.mime, seconds: sound.seconds } : null;
  }

  row(k) {
    return this.numbers.subarray(k * this.count, (k + 1) * this.count);
  }

  seconds(i) {
    return this.start + this.times[i];
  }

  get duration() {
    return this.count > 1 ? this.times[this.count - 1] - this.times[0] : 0;
  }

  // The frame whose time is nearest to t, in seconds from the first frame.
  frameAt(t) {
    let low = 0;
    let high = this.count - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.times[middle] <= t) low = middle;
      else high = middle;
    }
    return high > low && Math.abs(this.times[high] - t) <= Math.abs(this.times[low] - t) ? high : low;
  }

  // The frame that is shown at t: the last one that began by then.
  frameBefore(t) {
    const i = this.frameAt(t);
    return i > 0 && this.times[i] > t + 1e-4 ? i - 1 : i;
  }

  map(name) {
    return this.maps.find((m) => m.name === name) || null;
  }

  // One frame of a map as numbers in the map's own unit: {grid (w*h) Float32Array, w, h, signed, top}; null where it has none.
  grid(map, i, scale) {
    if (!map) return null;
    const cells = map.w * map.h;
    const decode = this.row(map.scale)[i];
    if (!(decode > 0)) return null;
    const codes = this.codes(map, i, cells);
    if (!codes) return null;
    const grid = new Float32Array(cells);
    if (map.signed) for (let p = 0; p < cells; p++) grid[p] = ((codes[p] - 128) / 127) * decode;
    else for (let p = 0; p < cells; p++) grid[p] = (codes[p] / 255) * decode;
    const top = scale === "frame" ? this.row(map.top)[i] : map.clipTop;
    return { grid, w: map.w, h: map.h, signed: map.signed, top: top > 0 ? top : decode };
  }

  // The codes of a map in one frame; null where their piece is not loaded.
  codes(map, i, cells) {
    const first = map.first || 0;
    if (!this.stock) return this.values.subarray(map.offset + (i - first) * cells, map.offset + (i + 1 - first) * cells);
    const piece = this.stock.at(i);
    if (!piece) return this.samples(map, i, cells);
    let at = 0;
    for (const one of this.maps) {
      const begin = Math.max(piece.first, one.first);
      if (one === map) return piece.maps.subarray(at + (i - begin) * cells, at + (i + 1 - begin) * cells);
      at += Math.max(0, Math.min(piece.stop, one.stop) - begin) * one.w * one.h;
    }
    return null;
  }

  get sampleStep() {
    return Math.max(1, Math.floor(this.count / 60));
  }

  // Every so many frames are there from the start.
  samples(map, i, cells) {
    const step = this.sampleStep;
    if (i % step) return null;
    let at = 0;
    for (const one of this.maps) {
      const before = (frame) => Math.ceil(frame / step);
      if (one === map) {
        at += (i / step - before(one.first)) * cells;
        return this.sampled.subarray(at, at + cells);
      }
      at += (before(one.stop) - before(one.first)) * one.w * one.h;
    }
    return null;
  }

  // First map minus second, each brought to mean 1 over the picture, on the finer of the two grids.
  difference(a, b, i, scale) {
    const one = this.grid(a, i, "frame");
    const two = this.grid(b, i, "frame");
    if (!one || !two) return null;
    const fine = one.w * one.h >= two.w * two.h ? one : two;
    const left = unitMean(one);
    const right = unitMean(two);
    const grid = new Float32Array(fine.w * fine.h);
    let top = 0;
    for (let y = 0, p = 0; y < fine.h; y++) {
      for (let x = 0; x < fine.w; x++, p++) {
        const u = (x + 0.5) / fine.w;
        const v = (y + 0.5) / fine.h;
        grid[p] = cellAt(left, one, u, v) - cellAt(right, two, u, v);
        top = Math.max(top, Math.abs(grid[p]));
      }
    }
    if (scale === "clip") top = this.differenceTop(a, b);
    return { grid, w: fine.w, h: fine.h, signed: true, top: top || 1 };
  }

  differenceTop(a, b) {
    const key = a.name + "\n" + b.name;
    if (!this.tops.has(key)) {
      const step = this.sampleStep;
      const tops = [];
      for (let i = 0; i < this.count; i += step) {
        const one = this.difference(a, b, i, "frame");
        if (one) tops.push(one.top);
      }
      tops.sort((p, q) => p - q);
      this.tops.set(key, tops.length ? tops[Math.floor((tops.length - 1) * 0.95)] : 1);
    }
    return this.tops.get(key);
  }

  // Which region lies at (u, v) in [0,1): its index, or -1 where nobody knows. Later rings lie over earlier ones.
  regionAt(i, u, v) {
    if (!this.outlined) return -1;
    let found = this.meta.behind;
    this.eachRing(i, (region, points) => {
      if (insideRing(points, u * 8192, v * 8192)) found = region;
    });
    return found;
  }

  // Calls visit(region, points) for each outline of a frame; points are x0 y0 x1 y1 ... in 1/8192 of the picture.
  eachRing(i, visit) {
    const piece = this.stock ? this.stock.at(i) : { rings: this.rings, first: 0, stop: this.count };
    if (!piece || !piece.rings) return;
    const { rings, first, stop } = piece;
    const index = new Uint32Array(rings.buffer, 0, stop - first + 1);
    for (let p = index[i - first]; p < index[i - first + 1]; ) {
      const length = rings[p + 1];
      visit(rings[p], rings.subarray(p + 2, p + 2 + 2 * length));
      p += 2 + 2 * length;
    }
  }

  // Share of a map on a group of regions at one frame, in [0,1]; NaN where it is not known.
  share(map, group, i) {
    if (!map || map.shares < 0) return NaN;
    let sum = 0;
    for (const r of group.rows) sum += this.row(map.shares + r)[i];
    return sum;
  }

  density(map, group, i) {
    if (this.meta.area < 0) return NaN;
    let area = 0;
    for (const r of group.rows) area += this.row(this.meta.area + r)[i];
    return area > 0 ? this.share(map, group, i) / area : NaN;
  }

  gapAt(i) {
    return (this.meta.gaps || []).find((g) => i >= g[0] && i <= g[1]) || null;
  }
}

// Whether two descriptions are of one clip: other maps, lines or larger images leave it what it is.
export const sameClip = (a, b) => ["title", "count", "start"].every((key) => a[key] === b[key]);

function piecesOf(model, meta) {
  const spans = (meta.picture && meta.picture.pieces) || [];
  if (!spans.length) return null;
  const load = model.get("loadPiece");
  if (load) return new Pieces(spans, model.get("pieces").sizes, load);
  const frames = bytesOf(model.get("frames"));
  return new Pieces(spans, spans.map((one) => [one.bytes, 0, 0]), async (k) => frames.subarray(spans[k].offset, spans[k].offset + spans[k].bytes));
}

function unitMean(one) {
  let sum = 0;
  for (const v of one.grid) sum += Math.abs(v);
  const factor = sum > 0 ? one.grid.length / sum : 0;
  return one.grid.map((v) => Math.abs(v) * factor);
}

export function cellAt(grid, size, u, v) {
  return grid[Math.min(size.h - 1, Math.floor(v * size.h)) * size.w + Math.min(size.w - 1, Math.floor(u * size.w))];
}

function insideRing(points, x, y) {
  let inside = false;
  for (let a = 0, b = points.length - 2; a < points.length; b = a, a += 2) {
    const crosses = points[a + 1] > y !== points[b + 1] > y;
    if (crosses && x < ((points[b] - points[a]) * (y - points[a + 1])) / (points[b + 1] - points[a + 1]) + points[a]) inside = !inside;
  }
  return inside;
}

export const signs = (x, digits) => (x < 0 ? "−" : "") + Math.abs(x).toFixed(digits);

// No line breaks between a number and its unit.
export const unbroken = (text) => String(text).replace(/([\d?]) (%|°|×|s|ms|min|h|px|[kMG]?B|k?Hz|frames\/s)(?![\p{L}\d])/gu, "$1\u00a0$2");

// A number on an axis: no more digits than it needs, and at most seven characters.
const plain = (x) => x === 0 || (Math.abs(x) >= 0.01 && Math.abs(x) < 1000);
export const tick = (x) => (plain(x) ? String(Number(x.toPrecision(3))).replace("-", "−") : short(x));

export function short(x) {
  if (!Number.isFinite(x)) return "–";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 0.01 && size < 10000) return signs(x, size >= 100 ? 0 : size >= 10 ? 1 : 2);
  return x.toExponential(1).replaceAll("-", "−").replace("e+", "e");
}
