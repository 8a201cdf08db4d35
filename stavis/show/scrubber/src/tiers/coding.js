// Coding by hand: the rows of tiers under the curves, the keys that begin and end spans, labels by digits, undo.

import { sameClip, signs } from "../data.js";
import { make } from "../controls.js";
import { addSpan, copyTiers, freeName, joinTiers, labelsOf, near, overlapped, spanAt, within } from "./tiers.js";
import { annotationsEaf, annotationsOfCsv, annotationsOfEaf } from "./files.js";
import { History } from "./history.js";

const TIER_KEYS = [
  ["S", "begin a span of the active tier, press again to end it"],
  ["D", "a point of the active tier"],
  ["T", "next tier"],
  ["1 … 9", "choose the label"],
  ["Ctrl Z, Ctrl Y", "undo, redo an annotation"],
];

const press = (text, name, attributes = {}) => make("button", { type: "button", name, ...attributes }, text);

// `changed(s)` of annotations.js tells the host and draws again; it is handed in because that module needs this one.
export class Coding {
  constructor(s, changed) {
    this.s = s;
    this.changed = () => changed(s);
    this.active = 0;
    this.open = null;
    this.chosen = -1;
    this.label = "";
    this.history = new History(s.annotations);
    this.rows = make("div", { class: "stv-tiers", role: "group", "aria-label": "Tiers", hidden: true });
    (s.ui.chart.closest(".stv-chartbox") || s.ui.chart).after(this.rows);
    this.buildButtons();
    for (const [key, text] of TIER_KEYS) {
      const list = s.root.querySelector(".stv-keys");
      if (list) list.append(make("div", {}, make("dt", {}, key), make("dd", {}, text)));
    }
    this.ofClip();
    s.root.addEventListener("keydown", (event) => this.onKey(event), { signal: s.stops.signal, capture: true });
    s.on(s.root, "stavis:drawn", () => this.follow());
  }

  get tiers() {
    return this.s.annotations.tiers;
  }

  get tier() {
    return this.tiers[this.active] || null;
  }

  buildButtons() {
    const { s } = this;
    const tip = (text) => ({ title: text });
    this.undoButton = press("Undo", "undo", tip("Undo the last annotation (Ctrl Z)"));
    this.redoButton = press("Redo", "redo", tip("Redo it (Ctrl Y)"));
    const add = press("New tier", "tier", tip("A row of its own for spans and points; S begins and ends a span on it"));
    const read = press("Open annotations", "read", tip("A CSV of annotations or an ELAN document (.eaf)"));
    const file = make("input", { type: "file", accept: ".csv,.eaf,text/csv", hidden: true, title: "File of annotations", "aria-label": "File of annotations" });
    s.ui.clear.after(add, this.undoButton, this.redoButton, read, file);
    this.eaf = press("Annotations (ELAN)", "eaf", tip("Excluded ranges, events and tiers as an ELAN document"));
    s.ui.annotationsCsv.after(this.eaf);
    s.on(add, "click", () => this.addTier("tier 1"));
    s.on(this.undoButton, "click", () => this.step(true));
    s.on(this.redoButton, "click", () => this.step(false));
    s.on(read, "click", () => file.click());
    s.on(file, "change", async () => {
      if (file.files.length) this.openFile(file.files[0].name, await file.files[0].text());
      file.value = "";
    });
  }

  eafText() {
    return annotationsEaf(this.s.annotations, this.s.data.meta.title || "");
  }

  // Of another clip nothing can be undone here.
  ofClip() {
    const { meta } = this.s.data;
    if (!this.clip || !sameClip(meta, this.clip)) this.history.clear(this.s.annotations);
    this.clip = meta;
    this.draw();
  }

  // The selection came from outside.
  loaded() {
    if (this.history.holds(this.s.annotations)) return;
    this.active = Math.max(0, Math.min(this.active, this.tiers.length - 1));
    this.open = null;
    this.chosen = -1;
    this.history.note(this.s.annotations);
    this.draw();
  }

  noted() {
    this.history.note(this.s.annotations);
    this.draw();
  }

  step(back) {
    const found = this.history.step(back);
    if (!found) return this.s.say(back ? "There is nothing to undo." : "There is nothing to redo.");
    Object.assign(this.s.annotations, { exclude: found.exclude, events: found.events, tiers: copyTiers(found.tiers) });
    this.active = Math.max(0, Math.min(this.active, this.tiers.length - 1));
    this.open = null;
    this.chosen = -1;
    this.changed();
    this.s.say(back ? "Undone." : "Redone.");
  }

  addTier(name) {
    this.tiers.push({ name: freeName(this.tiers, name), labels: [], spans: [] });
    this.active = this.tiers.length - 1;
    this.changed();
    this.s.say(`New tier “${this.tier.name}”: S begins a span, S again ends it.`);
  }

  toggleSpan() {
    const { s } = this;
    if (!this.tier) this.addTier("tier 1");
    if (this.open === null) {
      this.open = s.current;
      this.chosen = -1;
      this.draw();
      return s.say(`A span of “${this.tier.name}” begins at ${signs(s.data.seconds(s.current), 2)} s; S ends it.`);
    }
    const [a, b] = [Math.min(this.open, s.current), Math.max(this.open, s.current)].map((i) => s.data.seconds(i));
    this.open = null;
    this.put(a, b);
  }

  addPoint() {
    if (!this.tier) this.addTier("tier 1");
    const t = this.s.data.seconds(this.s.current);
    this.put(t, t);
  }

  put(a, b) {
    const { s, tier } = this;
    const other = overlapped(tier, a, b);
    if (other) {
      this.draw();
      return s.say(`“${tier.name}” has ${other[2] || "an annotation"} from ${signs(other[0], 2)} to ${signs(other[1], 2)} s there: use another tier.`);
    }
    addSpan(tier, a, b, this.label);
    this.chosen = tier.spans.findIndex((span) => span[0] === a && span[1] === b);
    this.changed();
    s.say(a === b ? `Point at ${signs(a, 2)} s.` : `Span from ${signs(a, 2)} to ${signs(b, 2)} s.`);
  }

  // A label for the chosen span while the cursor is within it; else for the one that is open and those that follow.
  choose(label) {
    const t = this.s.data.seconds(this.s.current);
    const chosen = this.tier.spans[this.chosen];
    const span = chosen && within(t, chosen) ? chosen : null;
    this.label = label;
    if (span && this.open === null) {
      span[2] = label;
      return this.changed();
    }
    this.draw();
    this.s.say(`Label: ${label || "none"}.`);
  }

  remove(k) {
    this.tier.spans.splice(k, 1);
    this.chosen = -1;
    this.changed();
  }

  openFile(name, text) {
    const { s } = this;
    try {
      const found = /\.eaf$/i.test(name) ? annotationsOfEaf(text) : annotationsOfCsv(text);
      const last = s.data.seconds(s.data.count - 1) + 0.5;
      const beyond = found.tiers.flatMap((tier) => tier.spans).find((span) => span[1] > last);
      if (beyond) throw new Error(`it reaches to ${signs(beyond[1], 2)} s and this clip ends at ${signs(last - 0.5, 2)} s: it is of another video`);
      for (const [key, same] of [["exclude", (p, q) => near(p[0], q[0]) && near(p[1], q[1])], ["events", (p, q) => near(p[0], q[0])]]) {
        for (const one of found[key]) if (!s.annotations[key].some((known) => same(known, one))) s.annotations[key].push(one);
        s.annotations[key].sort((p, q) => p[0] - q[0]);
      }
      const left = joinTiers(this.tiers, found.tiers);
      this.changed();
      const skipped = (found.referring || []).length ? ` ${found.referring.join(", ")} refer to other tiers: read them in Python (read_eaf).` : "";
      s.say(`${name} is read.${left ? ` ${left} that overlap others were left out.` : ""}${skipped}`);
    } catch (error) {
      s.say(`${name} cannot be read: ${error.message}.`);
    }
  }

  onKey(event) {
    const at = event.target;
    if (at.tagName === "SELECT" || (at.tagName === "INPUT" && at.type === "text")) return;
    if (this.s.root.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!this.act(event, key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  act(event, key) {
    if ((event.ctrlKey || event.metaKey) && !event.altKey) {
      if (key !== "z" && key !== "y") return false;
      this.step(key === "z" && !event.shiftKey);
      return true;
    }
    if (event.altKey || event.ctrlKey || event.metaKey) return false;
    if (key === "s") this.toggleSpan();
    else if (key === "d") this.addPoint();
    else if (!this.tier) return false;
    else if (key === "t") this.activate((this.active + 1) % this.tiers.length);
    else if (/^[1-9]$/.test(key)) {
      const label = labelsOf(this.tier)[Number(key) - 1];
      if (label === undefined) this.s.say(`“${this.tier.name}” has no label ${key}: write one into its field.`);
      else this.choose(label);
    } else if (key === "Delete") {
      const k = spanAt(this.tier, this.s.data.seconds(this.s.current));
      if (k < 0) return false;
      this.remove(k);
    } else if (key === "Escape" && this.open !== null) {
      this.open = null;
      this.draw();
    } else return false;
    return true;
  }

  activate(k) {
    this.active = k;
    this.chosen = -1;
    this.open = null;
    this.draw();
    this.s.say(`Active tier: ${this.tier.name}.`);
  }

  // The rows lie under the curves: they are drawn again where the window of time or the width has changed, or a span is open.
  follow() {
    const { s } = this;
    if (!this.tiers.length || !s.chart.width) return;
    const key = [s.chart.x(s.data, s.data.times[0]), s.chart.x(s.data, s.data.times[s.data.count - 1]), s.chart.width].join();
    if (key !== this.drawn || this.open !== null) this.draw();
  }

  draw() {
    const { s } = this;
    this.undoButton.disabled = !this.history.before.length;
    this.redoButton.disabled = !this.history.after.length;
    this.rows.hidden = !this.tiers.length;
    if (!this.tiers.length || !s.data || !s.data.count || !s.chart.panels) return this.rows.replaceChildren();
    this.drawn = [s.chart.x(s.data, s.data.times[0]), s.chart.x(s.data, s.data.times[s.data.count - 1]), s.chart.width].join();
    const focused = this.rows.contains(document.activeElement) ? document.activeElement.name : "";
    this.rows.replaceChildren(...this.tiers.map((tier, k) => this.row(tier, k)));
    if (focused) [...this.rows.querySelectorAll("[name]")].find((node) => node.name === focused)?.focus({ preventScroll: true });
  }

  row(tier, k) {
    const active = k === this.active;
    const name = press(tier.name, `tier-${k}`, { class: "stv-tiername", "aria-pressed": String(active), title: "Make this tier the active one (T)" });
    name.addEventListener("click", () => this.activate(k));
    const head = make("div", { class: "stv-tierhead" }, name);
    if (active) head.append(...this.choices(tier));
    return make("div", { class: "stv-tier", "data-tier": tier.name, "data-active": active ? "1" : "" }, head, this.lane(tier, k));
  }

  choices(tier) {
    const shown = this.tier.spans[this.chosen];
    const now = shown ? shown[2] : this.label;
    const chips = labelsOf(tier).map((label, j) => {
      const chip = press(j < 9 ? `${j + 1} ${label}` : label, `label-${j}`, { class: "stv-chip", "aria-pressed": String(label === now) });
      chip.addEventListener("click", () => this.choose(label));
      return chip;
    });
    const write = make("input", { type: "text", name: "newlabel", size: 9, maxlength: 80, placeholder: "new label", "aria-label": `New label of ${tier.name}` });
    write.addEventListener("change", () => {
      const label = write.value.trim();
      if (!label) return;
      if (!tier.labels.includes(label)) tier.labels.push(label);
      this.choose(label);
      this.changed();
    });
    const rename = make("input", { type: "text", name: "tiername", size: 9, maxlength: 80, "aria-label": `Name of ${tier.name}` });
    rename.value = tier.name;
    rename.addEventListener("change", () => {
      const others = this.tiers.filter((one) => one !== tier);
      tier.name = freeName(others, rename.value.trim() || tier.name);
      this.changed();
    });
    const drop = press("×", "droptier", { "aria-label": `Remove the tier ${tier.name}`, title: "Remove this tier; Undo brings it back" });
    drop.addEventListener("click", () => {
      this.tiers.splice(this.active, 1);
      this.active = Math.max(0, this.active - 1);
      this.changed();
    });
    return [...chips, write, make("span", { class: "stv-tieredit" }, rename, drop)];
  }

  lane(tier, k) {
    const { s } = this;
    const lane = make("div", { class: "stv-lane" });
    const labels = labelsOf(tier);
    const [left, right] = [s.chart.span ? s.chart.x(s.data, s.chart.span.t0) : s.chart.x(s.data, s.data.times[0]), s.chart.width];
    const place = (node, a, b) => {
      const x = (t) => Math.max(left, Math.min(right, s.chart.x(s.data, t - s.data.start)));
      if (x(b) <= left && b > a) return false;
      if (x(a) >= right) return false;
      node.style.left = x(a) + "px";
      node.style.width = Math.max(3, x(b) - x(a)) + "px";
      return true;
    };
    tier.spans.forEach(([a, b, label], j) => {
      const colour = String(Math.max(0, labels.indexOf(label)) % 6);
      const times = a === b ? `${signs(a, 2)} s` : `${signs(a, 2)} to ${signs(b, 2)} s`;
      const chosen = k === this.active && j === this.chosen;
      const node = press(a === b ? "" : label, `span-${k}-${j}`, { class: "stv-span", "data-colour": colour, "data-point": a === b ? "1" : "", "aria-pressed": String(chosen), "aria-label": `${tier.name}: ${label || "no label"}, ${times}`, title: `${label || "no label"}, ${times}` });
      node.addEventListener("click", () => {
        this.active = k;
        this.chosen = j;
        s.show(s.data.frameAt(a - s.data.start));
        s.settle();
        this.draw();
      });
      if (place(node, a, b)) lane.append(node);
    });
    if (k === this.active && this.open !== null) {
      const node = make("div", { class: "stv-span stv-open" });
      const [a, b] = [Math.min(this.open, s.current), Math.max(this.open, s.current)].map((i) => s.data.seconds(i));
      if (place(node, a, b)) lane.append(node);
    }
    return lane;
  }
}
