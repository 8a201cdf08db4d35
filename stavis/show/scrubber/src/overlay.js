// A map over a picture: alpha = opacity x value^gamma, so that what is not looked at keeps its own colours.

function lookup(stops) {
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (stops.length - 1);
    const k = Math.min(stops.length - 2, Math.floor(at));
    for (let c = 0; c < 3; c++) table[i * 3 + c] = stops[k][c] + (stops[k + 1][c] - stops[k][c]) * (at - k);
  }
  return table;
}

export class Overlay {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.pen = this.canvas.getContext("2d");
    this.tables = {};
    this.weights = new Map();
  }

  table(palettes, name) {
    if (!this.tables[name]) this.tables[name] = lookup(palettes[name] || palettes.magma);
    return this.tables[name];
  }

  // Where each pixel of the raster lies between the centres of the grid's cells.
  steps(cells, size) {
    const key = cells * 4096 + size;
    if (!this.weights.has(key)) {
      const low = new Uint16Array(size);
      const high = new Uint16Array(size);
      const part = new Float32Array(size);
      for (let p = 0; p < size; p++) {
        const at = Math.max(0, Math.min(cells - 1, ((p + 0.5) * cells) / size - 0.5));
        low[p] = Math.floor(at);
        high[p] = Math.min(cells - 1, low[p] + 1);
        part[p] = at - low[p];
      }
      this.weights.set(key, { low, high, part });
    }
    return this.weights.get(key);
  }

  // Paints {grid, w, h, signed, top} into the box of a 2d context.
  draw(pen, box, map, look, palettes) {
    const scale = Math.max(1, Math.floor(192 / Math.max(map.w, map.h)));
    const width = map.w * scale;
    const height = map.h * scale;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = null;
    }
    if (!this.image) this.image = this.pen.createImageData(width, height);
    this.fill(this.image.data, map, width, height, look, this.table(palettes, map.signed ? look.signed : look.colours));
    this.pen.putImageData(this.image, 0, 0);
    pen.save();
    pen.imageSmoothingEnabled = true;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.canvas, box.x, box.y, box.w, box.h);
    pen.restore();
  }

  fill(out, map, width, height, look, table) {
    const { grid, w, signed } = map;
    const across = this.steps(map.w, width);
    const down = this.steps(map.h, height);
    const alpha = new Float32Array(257);
    for (let k = 0; k <= 256; k++) alpha[k] = 255 * look.opacity * Math.pow(k / 256, look.gamma);
    for (let y = 0, q = 0; y < height; y++) {
      const r0 = down.low[y] * w;
      const r1 = down.high[y] * w;
      const fy = down.part[y];
      for (let x = 0; x < width; x++, q += 4) {
        const c0 = across.low[x];
        const c1 = across.high[x];
        const fx = across.part[x];
        const above = grid[r0 + c0] + (grid[r0 + c1] - grid[r0 + c0]) * fx;
        const below = grid[r1 + c0] + (grid[r1 + c1] - grid[r1 + c0]) * fx;
        const v = Math.max(-1, Math.min(1, (above + (below - above) * fy) / map.top));
        const k = 3 * (signed ? Math.round(127.5 + 127.5 * v) : Math.round(255 * Math.max(0, v)));
        out[q] = table[k];
        out[q + 1] = table[k + 1];
        out[q + 2] = table[k + 2];
        out[q + 3] = alpha[Math.round(256 * Math.abs(v))];
      }
    }
  }
}

// The colours from the lowest value to the highest as they are laid over a picture, on middle grey.
export function paintBar(canvas, table, signed, look) {
  const pen = canvas.getContext("2d");
  const last = canvas.width - 1;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (let x = 0; x <= last; x++) {
    const v = signed ? (2 * x) / last - 1 : x / last;
    const k = 3 * Math.round(signed ? 127.5 + 127.5 * v : 255 * v);
    pen.fillStyle = `rgba(${table[k]},${table[k + 1]},${table[k + 2]},${look.opacity * Math.pow(Math.abs(v), look.gamma)})`;
    pen.fillRect(x, 0, 1, canvas.height);
  }
}

// Outlines of the smallest areas that hold 50 % and 80 % of the map's mass.
export function drawContours(pen, box, map, ratio) {
  const mass = map.grid.map(Math.abs);
  const sorted = Float32Array.from(mass).sort().reverse();
  const total = sorted.reduce((sum, v) => sum + v, 0);
  if (!(total > 0)) return;
  for (const [part, dash] of [[0.5, []], [0.8, [4 * ratio, 3 * ratio]]]) {
    let sum = 0;
    let k = 0;
    while (k < sorted.length - 1 && (sum += sorted[k]) < part * total) k++;
    const level = (sorted[k] + (sorted[k + 1] || 0)) / 2;
    const path = isoline(mass, map.w, map.h, level, box);
    pen.save();
    pen.setLineDash(dash);
    pen.lineWidth = 3 * ratio;
    pen.strokeStyle = "rgba(0,0,0,.55)";
    pen.stroke(path);
    pen.lineWidth = 1.4 * ratio;
    pen.strokeStyle = "#fff";
    pen.stroke(path);
    pen.restore();
  }
}

// Marching squares over the cells' centres, with a frame of zeros around them so that every line closes.
function isoline(values, w, h, level, box) {
  const path = new Path2D();
  const at = (x, y) => (x < 0 || y < 0 || x >= w || y >= h ? 0 : values[y * w + x]);
  const px = (x) => box.x + (Math.max(0, Math.min(w, x + 0.5)) / w) * box.w;
  const py = (y) => box.y + (Math.max(0, Math.min(h, y + 0.5)) / h) * box.h;
  for (let y = -1; y < h; y++) {
    for (let x = -1; x < w; x++) {
      const corner = [at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)];
      const kind = corner.reduce((bits, v, k) => bits | (v > level ? 1 << k : 0), 0);
      if (kind === 0 || kind === 15) continue;
      const cut = (a, b) => (level - corner[a]) / (corner[b] - corner[a]);
      const edge = [
        () => [px(x + cut(0, 1)), py(y)],
        () => [px(x + 1), py(y + cut(1, 2))],
        () => [px(x + cut(3, 2)), py(y + 1)],
        () => [px(x), py(y + cut(0, 3))],
      ];
      for (const [a, b] of SQUARES[kind]) {
        path.moveTo(...edge[a]());
        path.lineTo(...edge[b]());
      }
    }
  }
  return path;
}

const SQUARES = [
  [], [[3, 0]], [[0, 1]], [[3, 1]], [[1, 2]], [[3, 0], [1, 2]], [[0, 2]], [[3, 2]],
  [[2, 3]], [[0, 2]], [[0, 1], [2, 3]], [[1, 2]], [[1, 3]], [[0, 1]], [[0, 3]], [],
];

export function drawOutlines(pen, box, data, i, ratio) {
  const colours = data.meta.regionColours;
  pen.save();
  pen.lineJoin = "round";
  data.eachRing(i, (region, points) => {
    // Curves from middle to middle of the polygon's sides: the staircase of the mask's pixels is not the shape that is meant.
    const x = (k) => box.x + (points[2 * (k % count)] / 8192) * box.w;
    const y = (k) => box.y + (points[2 * (k % count) + 1] / 8192) * box.h;
    const count = points.length / 2;
    pen.beginPath();
    if (data.meta.corners) for (let k = 0; k < count; k++) pen.lineTo(x(k), y(k));
    else {
      pen.moveTo((x(0) + x(1)) / 2, (y(0) + y(1)) / 2);
      for (let k = 1; k <= count; k++) pen.quadraticCurveTo(x(k), y(k), (x(k) + x(k + 1)) / 2, (y(k) + y(k + 1)) / 2);
    }
    pen.closePath();
    pen.lineWidth = 2.6 * ratio;
    pen.strokeStyle = "rgba(0,0,0,.35)";
    pen.stroke();
    pen.lineWidth = 1.4 * ratio;
    pen.strokeStyle = colours[region];
    pen.stroke();
  });
  pen.restore();
}
