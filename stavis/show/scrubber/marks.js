// Marks of the user's own: a chosen range, ranges to exclude, events. Times are the clip's, in seconds; a range is in frames.

Scrubber.prototype.loadMarks = function () {
  const given = this.model.get("selection") || {};
  this.marks = {
    range: given.range || null,
    exclude: (given.exclude || []).map((pair) => [...pair]),
    events: (given.events || []).map((pair) => [...pair]),
  };
};

Scrubber.prototype.tellMarks = function () {
  this.refreshMarks();
  this.tell("selection", { range: this.marks.range, exclude: this.marks.exclude, events: this.marks.events });
};

Scrubber.prototype.refreshMarks = function () {
  if (!this.data) return;
  const items = [];
  const item = (kind, text, jump, remove, extra) => {
    const go = button(text, "go");
    const drop = button("×", "remove", { "aria-label": `Remove ${kind} ${text}` });
    go.addEventListener("click", jump);
    drop.addEventListener("click", remove);
    items.push(make("li", { class: "stv-mark", "data-kind": kind }, go, ...(extra ? [extra] : []), drop));
  };
  const goTo = (t) => {
    this.show(this.data.frameAt(t - this.data.start));
    this.settle();
  };
  this.marks.exclude.forEach(([a, b], k) => {
    item("excluded", `excluded ${signs(a, 2)}–${signs(b, 2)} s`, () => goTo(a), () => {
      this.marks.exclude.splice(k, 1);
      this.tellMarks();
    });
  });
  this.marks.events.forEach((event, k) => {
    const label = make("input", { type: "text", "aria-label": `Name of the event at ${signs(event[0], 2)} s`, maxlength: 80, size: 10 });
    label.value = event[1] || "";
    label.addEventListener("change", () => {
      event[1] = label.value;
      this.tellMarks();
    });
    item("event", `${signs(event[0], 2)} s`, () => goTo(event[0]), () => {
      this.marks.events.splice(k, 1);
      this.tellMarks();
    }, label);
  });
  this.ui.marks.replaceChildren(...items);
  this.ui.marks.hidden = !items.length;
  this.ui.exclude.disabled = this.ui.clear.disabled = !this.marks.range;
  this.chart.stale = true;
  this.show(this.current, true);
};

function setRange(s, range) {
  s.marks.range = range;
  s.opened = null;
  s.tellMarks();
}

function toggleRange(s) {
  if (s.opened === null || s.opened === undefined) {
    s.opened = s.current;
    s.marks.range = [s.current, s.current];
    s.refreshMarks();
    s.say(`Range starts at frame ${s.current + 1}; press R again where it ends.`);
    return;
  }
  const range = [Math.min(s.opened, s.current), Math.max(s.opened, s.current)];
  setRange(s, range);
  s.say(`Range: frames ${range[0] + 1} to ${range[1] + 1}.`);
}

function excludeRange(s) {
  const [a, b] = s.marks.range || [s.current, s.current];
  const found = [...s.marks.exclude, [s.data.seconds(a), s.data.seconds(b)]].sort((p, q) => p[0] - q[0]);
  const joined = [];
  for (const pair of found) {
    const last = joined[joined.length - 1];
    if (last && pair[0] <= last[1] + 1e-9) last[1] = Math.max(last[1], pair[1]);
    else joined.push([...pair]);
  }
  s.marks.exclude = joined;
  s.marks.range = null;
  s.opened = null;
  s.tellMarks();
  s.say(`Excluded frames ${a + 1} to ${b + 1}.`);
}

function addEvent(s) {
  const t = s.data.seconds(s.current);
  if (s.marks.events.some((e) => Math.abs(e[0] - t) < 1e-6)) return;
  s.marks.events.push([t, `event ${s.marks.events.length + 1}`]);
  s.marks.events.sort((p, q) => p[0] - q[0]);
  s.tellMarks();
  s.say(`Event at ${signs(t, 2)} s.`);
}

function removeHere(s) {
  const t = s.data.seconds(s.current);
  const near = (a, b) => t >= a - 1e-6 && t <= b + 1e-6;
  const before = s.marks.exclude.length + s.marks.events.length;
  s.marks.events = s.marks.events.filter((e) => !near(e[0], e[0]));
  if (s.marks.exclude.length + s.marks.events.length === before) s.marks.exclude = s.marks.exclude.filter(([a, b]) => !near(a, b));
  if (s.marks.exclude.length + s.marks.events.length < before) s.tellMarks();
}

function wireMarks(s) {
  const { ui } = s;
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
      s.marks.range = [Math.min(from, i), Math.max(from, i)];
      s.chart.stale = true;
      s.show(i, true);
    } else s.show(i);
  });
  s.on(ui.chart, "pointerup", () => {
    if (from >= 0 && s.marks.range) s.tellMarks();
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
  const out = s.marks.exclude.some(([a, b]) => t >= a && t <= b);
  s.ui.tip.hidden = !(gap || out);
  if (s.ui.tip.hidden) return;
  s.ui.tip.textContent = [gap ? gap[2] || "no face" : "", out ? "excluded" : ""].filter(Boolean).join(" · ");
  const box = s.ui.chart.getBoundingClientRect();
  s.ui.tip.style.left = Math.min(event.clientX - box.left + 12, box.width - 150) + "px";
  s.ui.tip.style.top = event.clientY - box.top + 14 + "px";
}

function wireExports(s) {
  const { ui } = s;
  const text = (body, type) => new Blob([body], { type });
  s.on(ui.png, "click", () => {
    pngOf(ui.canvas, ui.chart, s.theme, (blob) => download(blob, fileName(s.data, `-frame-${s.current + 1}.png`)));
  });
  s.on(ui.csv, "click", () => download(text(sharesCsv(s.data, s.look, s.marks), "text/csv"), fileName(s.data, "-shares.csv")));
  s.on(ui.marksCsv, "click", () => download(text(marksCsv(s.marks), "text/csv"), fileName(s.data, "-marks.csv")));
  s.on(ui.film, "click", async () => {
    const [from, to] = s.marks.range || [0, s.data.count - 1];
    s.say("Recording the clip …");
    const shown = (i) =>
      new Promise((resolve) => {
        s.root.addEventListener("stavis:drawn", resolve, { once: true });
        s.show(i, true);
      });
    const blob = await recordClip(ui.canvas, shown, s.data, from, to, () => s.stops.signal.aborted);
    if (blob) download(blob, fileName(s.data, ".webm"));
    s.say(blob ? "The clip is saved." : "This browser cannot record a canvas: use write_overlay in Python.");
  });
  s.on(ui.html, "click", async () => {
    s.say("Writing the page …");
    const view = { ...s.look };
    const state = { frame: s.current, map: s.look.map, selection: s.marks, view };
    const page = await pageOf(s.model, s.data, state, ui.canvas.toDataURL("image/jpeg", 0.85), s.words(s.current));
    download(text(page, "text/html"), fileName(s.data, ".html"));
    s.say("The page is saved.");
  });
}
