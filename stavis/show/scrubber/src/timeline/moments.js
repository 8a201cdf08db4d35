// Moments worth a look, made from what the page holds, by kind: where the prediction errs most, where attention and an attribution disagree,
// where the map is spread most, and the edges of annotations.

import { signs } from "../data.js";
import { fillChoice, make } from "../controls.js";

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

// One number for every frame of a map, on at most MOST_FRAMES of them; NaN elsewhere. Of a clip in pieces the maps of every so many frames
// are there whatever has been looked at.
function sampled(data, measure) {
  const step = data.stock ? data.sampleStep : Math.max(1, Math.ceil(data.count / MOST_FRAMES));
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

// What a clip can be stepped through by: [key, what it is called], each only where the clip has what it takes.
export function momentKinds(data, look, annotations) {
  const { exclude, events, tiers } = annotations;
  const kinds = [];
  if (errorsOf(data).length) kinds.push(["error", "largest error"]);
  const [first, other] = comparedMaps(data);
  if (other) kinds.push(["apart", `${first.name} against ${other.name}`]);
  if (data.map(look.map)) kinds.push(["spread", `${look.map} most spread`]);
  if (exclude.length || events.length || tiers.some((tier) => tier.spans.length)) kinds.push(["annotations", "edges of annotations"]);
  return kinds;
}

// The predicted and the gold row of each output that has both.
function errorsOf(data) {
  return data.traces
    .filter((t) => t.kind === "gold")
    .map((gold) => [gold.panel, data.traces.find((t) => t.kind === "predicted" && t.panel === gold.panel), gold])
    .filter(([, guess]) => guess);
}

// Attention and saliency, or else the first two maps.
function comparedMaps(data) {
  const own = data.maps.filter((m) => !m.group);
  const first = data.map("attention") || own[0];
  return [first, [data.map("Saliency"), data.map("saliency"), ...own].find((m) => m && m !== first)];
}

export function momentsOf(data, look, annotations) {
  const found = [];
  const apart = Math.max(0.5, data.duration / 12);
  const add = (kind, values, text) => {
    for (const k of peaks(values, data.times, apart, A_KIND)) found.push({ kind, frame: k, text: text(values[k]) });
  };
  for (const [panel, guess, gold] of errorsOf(data)) {
    const [a, b] = [data.row(guess.row), data.row(gold.row)];
    add("error", Float32Array.from(a, (v, k) => Math.abs(v - b[k])), (v) => `${panel}: error ${v.toFixed(2)}`);
  }
  const [[first, other], map] = [comparedMaps(data), data.map(look.map)];
  if (other) add("apart", sampled(data, (k) => apartness(data, first, other, k)), (v) => `${first.name} and ${other.name} differ by ${Math.round(100 * v)} %`);
  if (map) add("spread", sampled(data, (k) => spreadOf(data, map, k)), (v) => `${map.name} most spread: entropy ${v.toFixed(2)} of 1`);
  found.push(...edgesOf(data, annotations));
  return found.sort((a, b) => a.frame - b.frame);
}

// Where ranges, events and the spans of tiers begin and end.
function edgesOf(data, { exclude, events, tiers }) {
  const at = (t, text) => ({ kind: "annotations", frame: data.frameAt(t - data.start), text });
  return [
    ...exclude.flatMap(([a, b]) => [at(a, "excluded from here"), at(b, "excluded up to here")]),
    ...events.map(([t, label]) => at(t, label || "event")),
    ...tiers.flatMap(({ name, spans }) =>
      spans.flatMap(([a, b, label]) => {
        const what = label ? `${name}: ${label}` : name;
        return b > a ? [at(a, `${what} begins`), at(b, `${what} ends`)] : [at(a, what)];
      }),
    ),
  ];
}

export function connectMoments(s) {
  s.on(s.ui.earlier, "click", () => stepMoment(s, -1));
  s.on(s.ui.later, "click", () => stepMoment(s, 1));
  s.on(s.ui.momentsDrawer, "toggle", () => s.ui.momentsDrawer.open && fillMoments(s));
  s.on(s.ui.momentKind, "change", () => s.ui.momentsDrawer.open && fillMoments(s));
}

// The kinds that there are now; one that went away gives way to all of them.
export function refreshMoments(s) {
  const kinds = momentKinds(s.data, s.look, s.annotations);
  const chosen = kinds.some(([key]) => key === s.ui.momentKind.value) ? s.ui.momentKind.value : "all";
  fillChoice(s.ui.momentKind, [["all", "all moments"], ...kinds], chosen);
  s.ui.momentRow.hidden = !kinds.length;
  if (s.ui.momentsDrawer.open) fillMoments(s);
}

// The list is made when it is first asked for, and again when what it is made of has changed.
function momentsNow(s) {
  const key = JSON.stringify([s.look.map, s.annotations.exclude, s.annotations.events, s.annotations.tiers]);
  if (s.momentsFor !== s.data || s.momentsKey !== key) {
    [s.momentsFor, s.momentsKey] = [s.data, key];
    s.moments = momentsOf(s.data, s.look, s.annotations);
  }
  const kind = s.ui.momentKind.value;
  return kind === "all" ? s.moments : s.moments.filter((moment) => moment.kind === kind);
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
