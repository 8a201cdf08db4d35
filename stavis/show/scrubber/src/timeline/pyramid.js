// The lowest and highest values of a curve at every coarseness, made once, so that a window of any length is drawn in as many steps as
// the screen has columns. Nothing here touches the page.

const FACTOR = 4;

// Of two values the lower and the higher; NaN only where neither is known.
const lower = (a, b) => (a < b || b !== b ? a : b);
const higher = (a, b) => (a > b || b !== b ? a : b);

// Levels of [low, high]: level 0 is the curve itself, each further one takes FACTOR values of the one before; NaN where none is known.
export function pyramid(values) {
  const levels = [[values, values]];
  for (let last = levels[0]; last[0].length > FACTOR; last = levels[levels.length - 1]) {
    const size = Math.ceil(last[0].length / FACTOR);
    const low = new Float32Array(size).fill(NaN);
    const high = new Float32Array(size).fill(NaN);
    for (let k = 0; k < last[0].length; k++) {
      const at = (k / FACTOR) | 0;
      low[at] = lower(last[0][k], low[at]);
      high[at] = higher(last[1][k], high[at]);
    }
    levels.push([low, high]);
  }
  return levels;
}

// The first frame of each of `columns` of equal time between t0 and t1, with the end of the last one: frames from..to, to exclusive.
// What lies before t0 or after t1 belongs to the first and to the last column.
export function columnStarts(times, from, to, t0, t1, columns) {
  const starts = new Uint32Array(columns + 1);
  const factor = t1 > t0 ? columns / (t1 - t0) : 0;
  let next = from;
  for (let c = 0; c < columns; c++) {
    starts[c] = next;
    if (c === columns - 1) break;
    let high = to;
    while (next < high) {
      const middle = (next + high) >> 1;
      if (Math.floor((times[middle] - t0) * factor) <= c) next = middle + 1;
      else high = middle;
    }
  }
  starts[columns] = to;
  return starts;
}

// The lowest and highest value of the curve in each column, NaN for none: the same as from every frame.
export function envelope(levels, starts) {
  const columns = starts.length - 1;
  const out = { low: new Float32Array(columns).fill(NaN), high: new Float32Array(columns).fill(NaN) };
  for (let c = 0; c < columns; c++) {
    let low = NaN;
    let high = NaN;
    const take = ([lows, highs], k) => {
      low = lower(lows[k], low);
      high = higher(highs[k], high);
    };
    // What no block of a level holds whole is taken value by value, the rest from the next level.
    for (let a = starts[c], b = starts[c + 1], at = 0; a < b; at++) {
      const top = at === levels.length - 1;
      while (a < b && (top || a % FACTOR)) take(levels[at], a++);
      while (a < b && b % FACTOR) take(levels[at], --b);
      a /= FACTOR;
      b /= FACTOR;
    }
    out.low[c] = low;
    out.high[c] = high;
  }
  return out;
}
