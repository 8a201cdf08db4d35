// The page's elements, made once; what they say is filled in by the scrubber.

import { signs } from "./data.js";

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const ICONS = {
  play: "M4 2.5v11l9.5-5.5z",
  pause: "M4 2.5h3v11H4zM9.5 2.5h3v11h-3z",
  loop: "M3 8a5 5 0 0 1 8.6-3.5L10 6h4V2l-1.3 1.3A6.8 6.8 0 0 0 1.2 8zM13 8a5 5 0 0 1-8.6 3.5L6 10H2v4l1.3-1.3A6.8 6.8 0 0 0 14.8 8z",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

function field(text, control, attributes = {}) {
  return make("label", { class: "stv-field", ...attributes }, make("span", {}, text), control);
}

function choice(options, name) {
  const select = make("select", { name });
  for (const [value, text] of options) select.add(new Option(text, value));
  return select;
}

const range = (name, low, high, step) => make("input", { type: "range", name, min: low, max: high, step });
const button = (text, name, attributes = {}) => make("button", { type: "button", name, ...attributes }, text);

const KEYS = [
  ["Space", "play or pause"],
  ["← →", "one frame; with Shift ten"],
  ["Home End", "first, last frame"],
  ["M", "next map"],
  ["V", "next view"],
  ["[ ]", "less, more overlay"],
  ["R", "start a range here, press again to end it"],
  ["X", "exclude the chosen range (or this frame)"],
  ["E", "mark an event here"],
  ["Delete", "remove the mark at this frame"],
  ["Esc", "let go of the range"],
];

export function buildControls(root) {
  const ui = { root };
  ui.title = make("div", { class: "stv-title" });
  ui.map = choice([], "map");
  ui.mode = choice([["overlay", "overlay"], ["side", "side by side"], ["wipe", "wipe"], ["difference", "difference"]], "mode");
  ui.second = choice([], "second");
  ui.secondField = field("against", ui.second);
  const head = make("div", { class: "stv-head" }, ui.title, make("div", { class: "stv-pick" }, field("Map", ui.map), field("View", ui.mode), ui.secondField));

  ui.canvas = make("canvas", { class: "stv-canvas", role: "img" });
  ui.stage = make("div", { class: "stv-stage" }, ui.canvas);
  ui.bars = [buildBar(), buildBar()];
  const bars = make("div", { class: "stv-bars" }, ...ui.bars.map((bar) => bar.row));
  ui.under = make("p", { class: "stv-under" });
  ui.wipe = range("wipe", 0, 100, 1);
  ui.wipeField = field("Wipe", ui.wipe, { class: "stv-field stv-wide" });
  const view = make("div", { class: "stv-view" }, ui.stage, ui.wipeField, bars, ui.under);
  ui.legend = make("div", { class: "stv-legend" });
  ui.main = make("div", { class: "stv-main" }, view, ui.legend);

  ui.play = button("", "play", { class: "stv-icon", "aria-label": "Play" });
  ui.play.append(icon("play"));
  ui.slider = make("input", { type: "range", name: "frame", class: "stv-slider", min: 0, step: 1, "aria-label": "Frame" });
  ui.time = make("output", { class: "stv-time" });
  ui.speed = choice([["0.25", "¼ ×"], ["0.5", "½ ×"], ["1", "1 ×"], ["2", "2 ×"]], "speed");
  ui.speed.setAttribute("aria-label", "Speed");
  ui.speed.value = "1";
  ui.loop = button("", "loop", { class: "stv-icon", "aria-label": "Loop", "aria-pressed": "false" });
  ui.loop.append(icon("loop"));
  const transport = make("div", { class: "stv-transport" }, ui.play, ui.slider, ui.time, ui.speed, ui.loop);

  ui.chart = make("canvas", { class: "stv-chart", role: "img" });
  ui.tip = make("div", { class: "stv-tip", hidden: true });
  const chart = make("div", { class: "stv-chartbox" }, ui.chart, ui.tip);
  ui.annotations = make("ul", { class: "stv-annotations", "aria-label": "Annotations" });
  ui.notes = make("ul", { class: "stv-notes" });
  ui.status = make("p", { class: "stv-status", role: "status" });
  root.append(make("div", { class: "stv-body" }, head, ui.main, transport, chart, ui.annotations, buildDrawers(ui), ui.status, ui.notes));
  return ui;
}

function buildBar() {
  const canvas = make("canvas", { class: "stv-bar", width: 200, height: 10, "aria-hidden": "true" });
  const [name, low, high, unit] = [make("span"), make("span"), make("span"), make("span")];
  return { row: make("div", { class: "stv-barrow" }, name, low, canvas, high, unit), canvas, name, low, high, unit, key: "" };
}

function buildDrawers(ui) {
  ui.colours = choice([["magma", "magma"], ["inferno", "inferno"], ["viridis", "viridis"]], "colours");
  ui.opacity = range("opacity", 0, 100, 1);
  ui.gamma = range("gamma", 0.2, 2, 0.05);
  ui.scale = choice([["clip", "over the clip"], ["frame", "each frame by itself"]], "scale");
  ui.outlines = make("input", { type: "checkbox", name: "outlines" });
  ui.contours = make("input", { type: "checkbox", name: "contours" });
  ui.stacked = make("input", { type: "checkbox", name: "stacked" });
  const display = drawer(
    "Display",
    field("Opacity", ui.opacity),
    field("Gamma", ui.gamma),
    field("Colours", ui.colours),
    field("Scale", ui.scale),
    field("Region outlines", ui.outlines, { class: "stv-field stv-check" }),
    field("Contours of 50 % and 80 % of the mass", ui.contours, { class: "stv-field stv-check" }),
    field("Stack the shares", ui.stacked, { class: "stv-field stv-check" }),
  );
  ui.choose = button("Choose a range by dragging", "choose", { "aria-pressed": "false" });
  ui.exclude = button("Exclude range", "exclude");
  ui.event = button("Mark event", "event");
  ui.clear = button("Let go of the range", "clear");
  const mark = drawer("Mark", ui.choose, ui.exclude, ui.event, ui.clear);
  ui.png = button("Picture (PNG)", "png");
  ui.csv = button("Shares (CSV)", "csv");
  ui.annotationsCsv = button("Annotations (CSV)", "annotations");
  ui.video = button("Clip (WebM)", "video");
  ui.html = button("Page (HTML)", "html");
  const save = drawer("Save", ui.png, ui.csv, ui.annotationsCsv, ui.video, ui.html);
  const list = make("dl", { class: "stv-keys" });
  for (const [key, text] of KEYS) list.append(make("div", {}, make("dt", {}, key), make("dd", {}, text)));
  const keys = drawer("Keys", list);
  // One drawer is open at a time.
  const all = [display, mark, save, keys];
  for (const one of all) {
    one.addEventListener("toggle", () => one.open && all.forEach((other) => other !== one && (other.open = false)));
  }
  return make("div", { class: "stv-drawers" }, ...all);
}

function drawer(name, ...children) {
  return make("details", { class: "stv-drawer" }, make("summary", {}, name), make("div", { class: "stv-drawerbody" }, ...children));
}

// Options [value, text, heading]; those with a heading stand under it.
export function fillChoice(select, options, value) {
  const headings = new Map();
  const nodes = [];
  for (const [v, text, heading] of options) {
    const option = new Option(text, v);
    if (heading && headings.has(heading)) headings.get(heading).append(option);
    else if (heading) headings.set(heading, nodes[nodes.push(make("optgroup", { label: heading }, option)) - 1]);
    else nodes.push(option);
  }
  select.replaceChildren(...nodes);
  select.value = value;
}

// Light or dark is what lies behind the scrubber, not what the system prefers.
function isDark(node) {
  for (let at = node; at; at = at.parentElement) {
    const parts = getComputedStyle(at).backgroundColor.match(/[\d.]+/g);
    if (!parts || (parts.length > 3 && Number(parts[3]) < 0.1)) continue;
    const [r, g, b] = parts.map(Number);
    return 0.299 * r + 0.587 * g + 0.114 * b < 128;
  }
  return false;
}

export function readTheme(root) {
  const dark = isDark(root.parentElement || document.body);
  root.dataset.theme = dark ? "dark" : "light";
  const style = getComputedStyle(root);
  const of = (name) => style.getPropertyValue(name).trim();
  return {
    dark,
    text: of("--stv-text"),
    faint: of("--stv-faint"),
    grid: of("--stv-grid"),
    accent: of("--stv-accent"),
    gap: of("--stv-gap"),
    excluded: of("--stv-excluded"),
    chosen: of("--stv-chosen"),
    back: of("--stv-back"),
    font: style.fontFamily,
    of: (item) => (dark ? item.dark || item.colour : item.colour) || of("--stv-text"),
  };
}

// What each line is, its dash, and its value at the cursor.
export function buildLegend(ui, data, map, theme) {
  const rows = [];
  const body = make("tbody");
  const add = (item, label, read) => {
    const pen = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    pen.setAttribute("class", "stv-key");
    pen.setAttribute("viewBox", "0 0 26 8");
    pen.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", "M0 4h26");
    line.setAttribute("stroke", theme.of(item));
    line.setAttribute("stroke-width", "2.4");
    line.setAttribute("stroke-dasharray", (item.dash || []).join(" "));
    pen.append(line);
    const value = make("td", { class: "stv-value" });
    const extra = make("td", { class: "stv-extra" });
    body.append(make("tr", {}, make("th", { scope: "row" }, pen, label), value, extra));
    rows.push((i) => {
      const [text, more] = read(i);
      if (value.textContent !== text) value.textContent = text;
      if (extra.textContent !== more) extra.textContent = more;
    });
  };
  const headings = [];
  if (map && map.shares >= 0) {
    headings.push(`Share of ${map.name}`, "of chance");
    for (const group of data.groups) {
      add(group, group.label, (i) => {
        const share = data.share(map, group, i);
        const density = data.density(map, group, i);
        return [Number.isFinite(share) ? Math.round(100 * share) + " %" : "–", Number.isFinite(density) ? density.toFixed(1) + " ×" : ""];
      });
    }
  }
  for (const trace of data.traces.filter((t) => t.kind !== "rater")) {
    const row = data.row(trace.row);
    add(trace, trace.name, (i) => [Number.isFinite(row[i]) ? signs(row[i], 2) : "–", ""]);
  }
  const raters = data.traces.filter((t) => t.kind === "rater").length;
  const table = make("table");
  if (headings.length) {
    table.append(make("thead", {}, make("tr", {}, make("th", { scope: "col" }, headings[0]), make("th", { scope: "col", colspan: 2 }, "× chance"))));
  }
  table.append(body);
  ui.legend.replaceChildren(table);
  if (raters) ui.legend.append(make("p", { class: "stv-raters" }, `Thin lines: ${raters} raters.`));
  ui.legend.hidden = rows.length === 0;
  return (i) => rows.forEach((fill) => fill(i));
}
