// What the user annotates: a chosen range, ranges to exclude, events. Times are the clip's, in seconds; a range is in frames.

import { signs } from "./data.js";
import { make } from "./controls.js";
import { download, fileName, pageOf, pngOf, recordClip, sharesCsv } from "./exports.js";
import { refreshMoments } from "./timeline/moments.js";
import { annotationsCsv } from "./tiers/files.js";
import { copyTiers, near, NEAR, within } from "./tiers/tiers.js";
import { Coding } from "./tiers/coding.js";

export function loadAnnotations(s) {
  const given = s.model.get("selection") || {};
  s.annotations = {
    range: given.range || null,
    exclude: (given.exclude || []).map((pair) => [...pair]),
    events: (given.events || []).map((pair) => [...pair]),
    tiers: copyTiers(given.tiers),
  };
  if (s.coding) s.coding.loaded();
}

function tellAnnotations(s) {
  s.coding.noted();
  refreshAnnotations(s);
  const { range, exclude, events, tiers } = s.annotations;
  s.tell("selection", { range, exclude, events, ...(tiers.length ? { tiers: copyTiers(tiers) } : {}) });
}

export function refreshAnnotations(s) {
  if (!s.data) return;
  if (s.coding) s.coding.ofClip();
  const items = [];
  const item = (kind, text, jump, remove, extra) => {
    const go = button(text, "go");
    const drop = button("×", "remove", { "aria-label": `Remove ${kind} ${text}` });
    go.addEventListener("click", jump);
    drop.addEventListener("click", remove);
    items.push(make("li", { class: "stv-annotation", "data-kind": kind }, go, ...(extra ? [extra] : []), drop));
  };
  const goTo = (t) => {
    s.show(s.data.frameAt(t - s.data.start));
    s.settle();
  };
  s.annotations.exclude.forEach(([a, b], k) => {
    item("excluded", `excluded ${signs(a, 2)}–${signs(b, 2)} s`, () => goTo(a), () => {
      s.annotations.exclude.splice(k, 1);
      tellAnnotations(s);
    });
  });
  s.annotations.events.forEach((event, k) => {
    const label = make("input", { type: "text", "aria-label": `Name of the event at ${signs(event[0], 2)} s`, maxlength: 80, size: 10 });
    label.value = event[1] || "";
    label.addEventListener("change", () => {
      event[1] = label.value;
      tellAnnotations(s);
    });
    item("event", `${signs(event[0], 2)} s`, () => goTo(event[0]), () => {
      s.annotations.events.splice(k, 1);
      tellAnnotations(s);
    }, label);
  });
  s.ui.annotations.replaceChildren(...items);
  s.ui.annotations.hidden = !items.length;
  s.ui.exclude.disabled = s.ui.clear.disabled = !s.annotations.range;
  s.chart.stale = s.overview.stale = true;
  refreshMoments(s);
  s.show(s.current, true);
}

export function setRange(s, range) {
  s.annotations.range = range;
  s.opened = null;
  tellAnnotations(s);
}

export function toggleRange(s) {
  if (s.opened === null || s.opened === undefined) {
    s.opened = s.current;
    s.annotations.range = [s.current, s.current];
    refreshAnnotations(s);
    s.say(`Range starts at frame ${s.current + 1}; press R again where it ends.`);
    return;
  }
  const range = [Math.min(s.opened, s.current), Math.max(s.opened, s.current)];
  setRange(s, range);
  s.say(`Range: frames ${range[0] + 1} to ${range[1] + 1}.`);
}

export function excludeRange(s) {
  const [a, b] = s.annotations.range || [s.current, s.current];
  const found = [...s.annotations.exclude, [s.data.seconds(a), s.data.seconds(b)]].sort((p, q) => p[0] - q[0]);
  const joined = [];
  for (const pair of found) {
    const last = joined[joined.length - 1];
    if (last && pair[0] <= last[1] + NEAR) last[1] = Math.max(last[1], pair[1]);
    else joined.push([...pair]);
  }
  s.annotations.exclude = joined;
  s.annotations.range = null;
  s.opened = null;
  tellAnnotations(s);
  s.say(`Excluded frames ${a + 1} to ${b + 1}.`);
}

export function addEvent(s) {
  const t = s.data.seconds(s.current);
  if (s.annotations.events.some((e) => near(e[0], t))) return;
  s.annotations.events.push([t, `event ${s.annotations.events.length + 1}`]);
  s.annotations.events.sort((p, q) => p[0] - q[0]);
  tellAnnotations(s);
  s.say(`Event at ${signs(t, 2)} s.`);
}

export function removeHere(s) {
  const t = s.data.seconds(s.current);
  const before = s.annotations.exclude.length + s.annotations.events.length;
  s.annotations.events = s.annotations.events.filter((e) => !near(e[0], t));
  if (s.annotations.exclude.length + s.annotations.events.length === before) s.annotations.exclude = s.annotations.exclude.filter((pair) => !within(t, pair));
  if (s.annotations.exclude.length + s.annotations.events.length < before) tellAnnotations(s);
}

export function connectAnnotations(s) {
  const { ui } = s;
  s.coding = new Coding(s, tellAnnotations);
  const choosing = (event) => event.shiftKey || ui.choose.getAttribute("aria-pressed") === "true";
  let from = -1;
  s.on(ui.chart, "pointerdown", (event) => {
    ui.chart.setPointerCapture(event.pointerId);
    const i = s.chart.frameAt(s.data, event.clientX);
    from = choosing(event) ? i : -1;
    if (from < 0) s.show(i);
    event.preventDefault();
    ui.slider.focus({ preventScroll: true });
  });
  s.on(ui.chart, "pointermove", (event) => {
    const i = s.chart.frameAt(s.data, event.clientX);
    tip(s, event, i);
    if (!event.buttons) return;
    if (from >= 0) {
      s.annotations.range = [Math.min(from, i), Math.max(from, i)];
      s.chart.stale = true;
      s.show(i, true);
    } else s.show(i);
  });
  s.on(ui.chart, "pointerup", () => {
    if (from >= 0 && s.annotations.range) tellAnnotations(s);
    from = -1;
    s.settle();
  });
  s.on(ui.chart, "pointercancel", () => {
    from = -1;
    s.settle();
  });
  s.on(ui.chart, "pointerleave", () => (ui.tip.hidden = true));
  s.on(ui.choose, "click", () => ui.choose.setAttribute("aria-pressed", !(ui.choose.getAttribute("aria-pressed") === "true")));
  s.on(ui.exclude, "click", () => excludeRange(s));
  s.on(ui.event, "click", () => addEvent(s));
  s.on(ui.clear, "click", () => setRange(s, null));
}

// Why there is no curve here, on hover; elsewhere the time.
function tip(s, event, i) {
  const gap = s.data.gapAt(i);
  const t = s.data.seconds(i);
  const out = s.annotations.exclude.some((pair) => within(t, pair));
  s.ui.tip.hidden = !(gap || out);
  if (s.ui.tip.hidden) return;
  s.ui.tip.textContent = [gap ? gap[2] || s.data.meta.texts.gap : "", out ? "excluded" : ""].filter(Boolean).join(" · ");
  const box = s.ui.chart.getBoundingClientRect();
  s.ui.tip.style.left = Math.min(event.clientX - box.left + 12, box.width - 150) + "px";
  s.ui.tip.style.top = event.clientY - box.top + 14 + "px";
}

export function connectExports(s) {
  const { ui } = s;
  const text = (body, type) => new Blob([body], { type });
  s.on(ui.png, "click", () => {
    pngOf(ui.canvas, ui.chart, s.theme, (blob) => download(blob, fileName(s.data, `-frame-${s.current + 1}.png`)));
  });
  s.on(ui.csv, "click", () => download(text(sharesCsv(s.data, s.look, s.annotations), "text/csv"), fileName(s.data, "-shares.csv")));
  s.on(s.coding.eaf, "click", () => download(text(s.coding.eafText(), "application/xml"), fileName(s.data, ".eaf")));
  s.on(ui.annotationsCsv, "click", () => download(text(annotationsCsv(s.annotations), "text/csv"), fileName(s.data, "-annotations.csv")));
  s.on(ui.video, "click", async () => {
    const [from, to] = s.annotations.range || [0, s.data.count - 1];
    s.say("Recording the clip …");
    const shown = (i) =>
      new Promise((resolve) => {
        s.root.addEventListener("stavis:drawn", resolve, { once: true });
        s.show(i, true);
      });
    const blob = await recordClip(ui.canvas, shown, s.data, from, to, () => s.stops.signal.aborted);
    if (blob) download(blob, fileName(s.data, ".webm"));
    s.settle();
    s.say(blob ? "The clip is saved." : "This browser cannot record a canvas: use write_overlay in Python.");
  });
  s.on(ui.html, "click", async () => {
    s.say("Writing the page …");
    const view = { ...s.look };
    const state = { frame: s.current, map: s.look.map, selection: s.annotations, view };
    try {
      const page = await pageOf(s.model, s.data, state, ui.canvas.toDataURL("image/jpeg", 0.85), s.words(s.current));
      download(text(page, "text/html"), fileName(s.data, ".html"));
      s.say("The page is saved.");
    } catch (error) {
      s.say(error.message);
    }
  });
}
