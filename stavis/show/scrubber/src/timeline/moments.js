// Moments worth a look, made from what the page holds: where the prediction errs most, where attention and an attribution disagree,
// where the map is spread most, and the edges of annotations.

import { signs } from "../data.js";
import { make } from "../controls.js";

const MOST_FRAMES = 400;
const A_KIND = 4;

// The highest values of a curve that lie at least `apart` seconds from each other: frames, the highest first.
export function peaks(values, times, apart, most) {
  const order = [...values.keys()].filter((k) => Number.isFinite(values[k]) && values[k] > 0).sort((a, b) => values[b] - values[a]);
  const found = [];
  for (const k of order) {
    if (found.every((other) => Math.abs(times[other] - times[k]) >= apart)) found.push(k);
    if (found.length === most) break;
  }
  return found;
}

// One number for every frame of a map, on at most MOST_FRAMES of them; NaN elsewhere.
function sampled(data, measure) {
  const step = Math.max(1, Math.ceil(data.count / MOST_FRAMES));
  const out = new Float32Array(data.count).fill(NaN);
  for (let k = 0; k < data.count; k += step) if (data.row(1)[k] > 0) out[k] = measure(k);
  return out;
}

// Half the sum of differences between two maps of mean 1: 0 where they are the same, 1 where they share nothing.
function apartness(data, first, second, i) {
  const found = data.difference(first, second, i, "frame");
  if (!found) return NaN;
  let sum = 0;
  for (const v of found.grid) sum += Math.abs(v);
  return sum / found.grid.length / 2;
}

// How evenly a map is spread over its cells: 1 is an even map.
function spreadOf(data, map, i) {
  const found = data.grid(map, i, "frame");
  if (!found || found.grid.length < 2) return NaN;
  let total = 0;
  for (const v of found.grid) total += Math.abs(v);
  if (!(total > 0)) return NaN;
  let entropy = 0;
  for (const v of found.grid) if (v) entropy -= (Math.abs(v) / total) * Math.log(Math.abs(v) / total);
  return entropy / Math.log(found.grid.length);
}

export function momentsOf(data, look, annotations) {
  const found = [];
  const apart = Math.max(0.5, data.duration / 12);
  const add = (values, text) => {
    for (const k of peaks(values, data.times, apart, A_KIND)) found.push({ frame: k, text: text(values[k]) });
  };
  for (const gold of data.traces.filter((t) => t.kind === "gold")) {
    const guess = data.traces.find((t) => t.kind === "predicted" && t.panel === gold.panel);
    if (!guess) continue;
    const [a, b] = [data.row(guess.row), data.row(gold.row)];
    add(Float32Array.from(a, (v, k) => Math.abs(v - b[k])), (v) => `${gold.panel}: error ${v.toFixed(2)}`);
  }
  const attention = data.map("attention");
  const other = attention && (data.map("saliency") || data.maps.find((m) => m !== attention && !m.group));
  if (other) add(sampled(data, (k) => apartness(data, attention, other, k)), (v) => `attention and ${other.name} differ by ${Math.round(100 * v)} %`);
  const map = data.map(look.map);
  if (map) add(sampled(data, (k) => spreadOf(data, map, k)), (v) => `${map.name} most spread: entropy ${v.toFixed(2)} of 1`);
  for (const [t0, t1] of annotations.exclude) {
    found.push({ frame: data.frameAt(t0 - data.start), text: "excluded from here" }, { frame: data.frameAt(t1 - data.start), text: "excluded up to here" });
  }
  for (const [t, label] of annotations.events) found.push({ frame: data.frameAt(t - data.start), text: label || "event" });
  return found.sort((a, b) => a.frame - b.frame);
}

export function connectMoments(s) {
  s.on(s.ui.earlier, "click", () => stepMoment(s, -1));
  s.on(s.ui.later, "click", () => stepMoment(s, 1));
  s.on(s.ui.momentsDrawer, "toggle", () => s.ui.momentsDrawer.open && fillMoments(s));
}

// The list is made when it is first asked for, and again when what it is made of has changed.
function momentsNow(s) {
  const key = JSON.stringify([s.look.map, s.annotations.exclude, s.annotations.events]);
  if (s.momentsFor !== s.data || s.momentsKey !== key) {
    [s.momentsFor, s.momentsKey] = [s.data, key];
    s.moments = momentsOf(s.data, s.look, s.annotations);
  }
  return s.moments;
}

function goTo(s, moment) {
  s.show(moment.frame);
  s.settle();
  s.say(`${signs(s.data.seconds(moment.frame), 2)} s: ${moment.text}.`);
}

export function stepMoment(s, by) {
  const all = momentsNow(s);
  const there = by > 0 ? all.find((m) => m.frame > s.current) : all.findLast((m) => m.frame < s.current);
  if (there) goTo(s, there);
  else s.say(all.length ? `No moment ${by > 0 ? "after" : "before"} this one.` : "This clip has no moments to step through.");
}

function fillMoments(s) {
  const rows = momentsNow(s).map((moment) => {
    const go = make("button", { type: "button", title: "Go to this moment" }, `${signs(s.data.seconds(moment.frame), 2)} s`);
    go.addEventListener("click", () => goTo(s, moment));
    return make("li", {}, go, " ", moment.text);
  });
  s.ui.moments.replaceChildren(...(rows.length ? rows : [make("li", {}, "None in this clip.")]));
}
