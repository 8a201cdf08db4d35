// The page's elements, made once; what they say is filled in by the scrubber.

import { signs, unbroken } from "./data.js";

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.map((child) => (typeof child === "string" ? unbroken(child) : child)));
  return node;
}

const ICONS = {
  play: "M4 2.5v11l9.5-5.5z",
  pause: "M4 2.5h3v11H4zM9.5 2.5h3v11h-3z",
  // A track that begins again: two ends of a rounded band, each with its arrow.
  loop: "M4 4.2h6.6V2.4L14.4 5l-3.8 2.6V5.8H4a1.4 1.4 0 0 0-1.4 1.4v1H1v-1a3 3 0 0 1 3-3zM12 11.8H5.4v1.8L1.6 11l3.8-2.6v1.8H12a1.4 1.4 0 0 0 1.4-1.4v-1H15v1a3 3 0 0 1-3 3z",
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
  ["A", "next map"],
  ["V", "next view"],
  ["[ ]", "less, more overlay"],
  ["N P", "next, previous moment of the list"],
  ["+ − 0", "zoom the timeline in, out, show all of it"],
  ["Z", "zoom into the image; again to go back"],
  ["I", "details enlarged"],
  ["W", "the whole image with the crop in it"],
  ["M", "mute or unmute the sound"],
  ["R", "start a range here, press again to end it"],
  ["X", "exclude the chosen range (or this frame)"],
  ["E", "mark an event here"],
  ["Delete", "remove the mark at this frame"],
  ["Esc", "let go of the range"],
  ["?", "this list"],
];

// What a pointer that rests on a control is told, by the control's name.
const TITLES = {
  map: "Which map lies over the image (A)", mode: "How maps are shown: over the image, side by side, wiped, or their difference (V)",
  second: "The map on the other side", wipe: "How much of the image the first map has", play: "Play or pause (Space)",
  frame: "The shown frame: drag, or use the arrow keys", speed: "Speed of playing", loop: "Play again from the start when the end is reached",
  help: "Keys (?)", zoomIn: "Zoom the timeline in (+); or turn the wheel over the strip", zoomOut: "Zoom the timeline out (−)",
  zoomAll: "Show the whole clip (0)", smoothing: "Mean of the curves over so many seconds; the frames keep their values",
  flat: "Signals that hardly change in this clip", earlier: "Previous moment of the list (P)", later: "Next moment of the list (N)",
  opacity: "How strongly the map covers the image ([ and ])", gamma: "Below 1 weak values are shown more strongly",
  colours: "The colours of a map", scale: "Whether a colour means the same in all frames", outlines: "Outlines of the regions",
  contours: "The smallest areas that hold 50 % and 80 % of the map", stacked: "Shares on top of each other; they sum to 1",
  insets: "Details enlarged, below the image (I)", context: "The whole image that the crop was cut from (W)",
  momentKind: "Which moments the list has and the arrows step through", lens: "Zoom of the image; or Ctrl and the wheel, or two fingers; drag to move, double-click to go back",
  choose: "Drag over the curves to choose a range (or hold Shift)", exclude: "Leave the range out of what is computed (X)",
  event: "Mark an event at this frame (E)", clear: "Choose no range (Esc)", png: "The image and the curves as they are shown",
  csv: "One row per frame: shares of the shown map, values, signals", annotations: "Excluded ranges and events as a table",
  video: "The chosen range, or all of it, as it is shown", html: "This view as a page that needs no network",
};

export function tipOf(control) {
  const text = TITLES[control.name];
  if (text && !control.title) control.title = text;
}

export function buildControls(root) {
  const ui = { root };
  ui.notices = make("ul", { class: "stv-notices", "aria-label": "What to know first", hidden: true });
  ui.title = make("div", { class: "stv-title" });
  ui.map = choice([], "map");
  ui.mode = choice([["overlay", "overlay"], ["side", "side by side"], ["wipe", "wipe"], ["difference", "difference"]], "mode");
  ui.second = choice([], "second");
  ui.secondField = field("against", ui.second);
  const head = make("div", { class: "stv-head" }, ui.title, make("div", { class: "stv-pick" }, field("Map", ui.map), field("View", ui.mode), ui.secondField));

  ui.canvas = make("canvas", { class: "stv-canvas", role: "img" });
  ui.unseen = make("p", { class: "stv-missing", role: "alert", hidden: true });
  ui.stage = make("div", { class: "stv-stage" }, ui.canvas, ui.unseen);
  ui.bars = [buildBar(), buildBar()];
  const bars = make("div", { class: "stv-bars" }, ...ui.bars.map((bar) => bar.row));
  ui.under = make("p", { class: "stv-under" });
  ui.wipe = range("wipe", 0, 100, 1);
  ui.wipeField = field("Wipe", ui.wipe, { class: "stv-field stv-wide" });
  ui.insetRow = make("div", { class: "stv-insets", hidden: true });
  const view = make("div", { class: "stv-view" }, ui.stage, ui.wipeField, bars, ui.under, ui.insetRow);
  ui.context = make("figure", { class: "stv-context", hidden: true });
  ui.legend = make("div", { class: "stv-legend" });

  ui.annotations = make("ul", { class: "stv-annotations", "aria-label": "Annotations" });
  ui.notes = make("ul", { class: "stv-notes" });
  ui.status = make("p", { class: "stv-status", role: "status" });
  const body = [ui.notices, head, view, ui.context, buildTransport(ui), buildTimeline(ui), ui.legend];
  const rest = make("div", { class: "stv-rest" }, ui.annotations, buildDrawers(ui), ui.status, ui.notes);
  root.append(make("div", { class: "stv-body" }, ...body, rest), buildHelp(ui));
  for (const control of root.querySelectorAll("[name]")) tipOf(control);
  return ui;
}

function buildTransport(ui) {
  ui.play = button("", "play", { class: "stv-icon", "aria-label": "Play" });
  ui.play.append(icon("play"));
  ui.slider = make("input", { type: "range", name: "frame", class: "stv-slider", min: 0, step: 1, "aria-label": "Frame" });
  ui.time = make("output", { class: "stv-time" });
  ui.speed = choice([["0.25", "¼ ×"], ["0.5", "½ ×"], ["1", "1 ×"], ["2", "2 ×"]], "speed");
  ui.speed.setAttribute("aria-label", "Speed");
  ui.speed.value = "1";
  ui.loop = button("", "loop", { class: "stv-icon", "aria-label": "Loop", "aria-pressed": "false" });
  ui.loop.append(icon("loop"));
  ui.help = button("?", "help", { class: "stv-icon", "aria-label": "Keys" });
  return make("div", { class: "stv-transport" }, ui.play, ui.slider, ui.time, ui.speed, ui.loop, ui.help);
}

function buildTimeline(ui) {
  ui.overview = make("canvas", { class: "stv-overview", role: "img" });
  ui.smoothing = choice([["0", "none"], ["0.2", "0.2 s"], ["0.5", "0.5 s"], ["1", "1 s"], ["2", "2 s"], ["5", "5 s"]], "smoothing");
  ui.zoomOut = button("−", "zoomOut", { class: "stv-icon", "aria-label": "Zoom the timeline out" });
  ui.zoomIn = button("+", "zoomIn", { class: "stv-icon", "aria-label": "Zoom the timeline in" });
  ui.zoomAll = button("All", "zoomAll");
  ui.earlier = button("‹", "earlier", { class: "stv-icon", "aria-label": "Previous moment" });
  ui.later = button("›", "later", { class: "stv-icon", "aria-label": "Next moment" });
  ui.window = make("span", { class: "stv-window" });
  ui.momentKind = choice([["all", "all moments"]], "momentKind");
  ui.momentRow = make("span", { class: "stv-field" }, field("Moment", ui.momentKind), ui.earlier, ui.later);
  const zoom = make("span", { class: "stv-field" }, ui.window, ui.zoomOut, ui.zoomIn, ui.zoomAll);
  ui.tools = make("div", { class: "stv-tools" }, field("Smooth", ui.smoothing), ui.momentRow, zoom);
  ui.chart = make("canvas", { class: "stv-chart", role: "img" });
  ui.tip = make("div", { class: "stv-tip", hidden: true });
  ui.flat = button("", "flat", { class: "stv-flat", "aria-expanded": "false", hidden: true });
  return make("div", { class: "stv-timeline" }, ui.overview, ui.tools, make("div", { class: "stv-chartbox" }, ui.chart, ui.tip), ui.flat);
}

function buildHelp(ui) {
  const list = make("dl", { class: "stv-keys" });
  for (const [key, text] of KEYS) list.append(make("div", {}, make("dt", {}, key), make("dd", {}, text)));
  const close = button("Close", "close", { title: "Close this list (Esc)" });
  ui.keys = make("dialog", { class: "stv-help", "aria-label": "Keys" }, make("p", { class: "stv-helphead" }, "Keys"), list, close);
  close.addEventListener("click", () => ui.keys.close());
  return ui.keys;
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
  ui.insets = make("input", { type: "checkbox", name: "insets" });
  ui.contextShown = make("input", { type: "checkbox", name: "context" });
  ui.lens = range("lens", 1, 8, 0.25);
  const display = drawer(
    "Display",
    field("Opacity", ui.opacity),
    field("Zoom", ui.lens),
    field("Gamma", ui.gamma),
    field("Colours", ui.colours),
    field("Scale", ui.scale),
    field("Region outlines", ui.outlines, { class: "stv-field stv-check" }),
    field("Contours of 50 % and 80 % of the mass", ui.contours, { class: "stv-field stv-check" }),
    field("Stack the shares", ui.stacked, { class: "stv-field stv-check" }),
    field("Details enlarged", ui.insets, { class: "stv-field stv-check" }),
    field("Whole image", ui.contextShown, { class: "stv-field stv-check" }),
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
  ui.moments = make("ol", { class: "stv-moments" });
  ui.momentsDrawer = drawer("Moments", ui.moments);
  // One drawer is open at a time.
  const all = [display, ui.momentsDrawer, mark, save];
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

// On paper it is light.
export function readTheme(root, printed) {
  const dark = !printed && isDark(root.parentElement || document.body);
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
export function buildLegend(ui, data, map, theme, folded) {
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
    headings.push(`Share of ${map.name}`, "density");
    for (const group of data.groups) {
      add(group, group.label, (i) => {
        const share = data.share(map, group, i);
        const density = data.density(map, group, i);
        return [Number.isFinite(share) ? Math.round(100 * share) + "\u00a0%" : "–", Number.isFinite(density) ? density.toFixed(1) : ""];
      });
    }
  }
  for (const trace of data.traces.filter((t) => t.kind !== "rater" && !folded.has(t.panel))) {
    const row = data.row(trace.row);
    const share = data.panels.some((panel) => panel.key === trace.panel && panel.unit === "%");
    const text = share ? (x) => `${Math.round(100 * x)}\u00a0%` : (x) => signs(x, 2);
    add(trace, trace.name, (i) => [Number.isFinite(row[i]) ? text(row[i]) : "–", ""]);
  }
  const raters = data.traces.filter((t) => t.kind === "rater").length;
  const table = make("table");
  if (headings.length) {
    table.append(make("thead", {}, make("tr", {}, make("th", { scope: "col", colspan: 2 }, headings[0]), make("th", { scope: "col" }, "density"))));
  }
  table.append(body);
  ui.legend.replaceChildren(table);
  if (raters) ui.legend.append(make("p", { class: "stv-raters" }, `Thin lines: ${raters} raters.`));
  ui.legend.hidden = rows.length === 0;
  return (i) => rows.forEach((fill) => fill(i));
}
