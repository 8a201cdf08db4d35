// The scrubber: ties the data, the picture, the chart and the controls together. It touches its host only through
// model.get / set / save_changes / on / off, so that the same text runs over a kernel and over a page that has none.

import { bytesOf, ClipData, sameClip, short, signs, unbroken } from "./data.js";
import { framesOfVideo, ImageStrip, nearestThumbnail, PiecedFrames, unseenText } from "./frames.js";
import { connectSound, SoundTrack } from "./media/sound.js";
import { paintBar } from "./overlay.js";
import { View } from "./view.js";
import { Chart } from "./chart.js";
import { buildControls, buildLegend, fillChoice, icon, make, readTheme } from "./controls.js";
import { connectEvents } from "./events.js";
import { connectAddress } from "./address.js";
import { connectContext, rememberedContext } from "./picture/context.js";
import { connectLens, drawInsets, hasInsets } from "./picture/lens.js";
import { Curves } from "./timeline/curves.js";
import { connectMoments, refreshMoments } from "./timeline/moments.js";
import { Overview, TimeWindow } from "./timeline/overview.js";
import { connectOverview } from "./timeline/zooming.js";
import { connectAnnotations, connectExports, loadAnnotations, refreshAnnotations } from "./annotations.js";

const LOOK = {
  mode: "overlay", second: "none", colours: "magma", signed: "diverging", opacity: 0.8, gamma: 0.7,
  scale: "clip", outlines: true, contours: false, stacked: false, wipe: 0.5,
  smoothing: 0, flat: false, insets: false, context: true,
};

class Scrubber {
  constructor(model, el) {
    this.model = model;
    this.stops = new AbortController();
    this.root = make("div", { class: "stv", role: "group", tabindex: "-1", "data-stavis": "scrubber" });
    el.append(this.root);
    this.ui = buildControls(this.root);
    this.view = new View(this.ui.canvas);
    this.chart = new Chart(this.ui.chart);
    this.overview = new Overview(this.ui.overview);
    this.look = { ...LOOK, ...rememberedContext(), ...(model.get("view") || {}) };
    this.current = Math.max(0, model.get("frame") || 0);
    this.playing = 0;
    this.sound = new SoundTrack();
    this.context = connectContext(this);
    loadAnnotations(this);
    this.load();
    connectSound(this);
    connectEvents(this);
    connectAnnotations(this);
    connectExports(this);
    connectOverview(this);
    connectMoments(this);
    connectLens(this);
    this.watch();
    if (model.get("offline")) connectAddress(this, model.get("offline"));
  }

  on(target, name, call, options = {}) {
    target.addEventListener(name, call, { signal: this.stops.signal, ...options });
  }

  hear(name, call) {
    this.model.on("change:" + name, call);
    this.stops.signal.addEventListener("abort", () => this.model.off("change:" + name, call));
  }

  watch() {
    this.hear("frame", () => this.show(this.model.get("frame")));
    this.hear("map", () => this.chooseMap(this.model.get("map"), false));
    this.hear("view", () => {
      Object.assign(this.look, this.model.get("view"));
      this.fillControls();
      this.relayout();
    });
    this.hear("selection", () => {
      loadAnnotations(this);
      refreshAnnotations(this);
    });
    // Several buffers may change with the clip: read them once, when all of them have arrived.
    this.hear("clip", () => queueMicrotask(() => !this.stops.signal.aborted && this.load()));
    const resized = new ResizeObserver(() => this.relayout());
    resized.observe(this.root);
    const themed = new MutationObserver(() => this.retheme());
    for (const node of [document.documentElement, document.body]) {
      themed.observe(node, { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-light", "data-theme"] });
    }
    for (const query of ["(prefers-color-scheme: dark)", "print"]) this.on(window.matchMedia(query), "change", () => this.retheme());
    for (const name of ["beforeprint", "afterprint"]) this.on(window, name, () => this.retheme(name === "beforeprint"));
    this.stops.signal.addEventListener("abort", () => {
      resized.disconnect();
      themed.disconnect();
    });
  }

  load() {
    const data = new ClipData(this.model);
    const frames = this.model.get("loadPiece") || this.model.get("frames");
    const same = this.data && sameClip(this.data.meta, data.meta);
    // Another clip has a clock of its own, and begins where the host says.
    if (this.data && !same) {
      this.halt();
      this.current = Math.max(0, this.model.get("frame") || 0);
    }
    this.data = data;
    this.sound.use(data);
    if (this.refreshSound) this.refreshSound();
    this.context.use(data);
    this.curves = new Curves(data);
    // Another map or other lines of the same clip leave the window where it is.
    if (!same) this.span = new TimeWindow(data);
    else this.span.data = data;
    for (const map of data.maps) map.clipTop = map.clipTop || 1;
    if (frames !== this.framesOf) {
      if (this.source) this.source.close();
      this.framesOf = frames;
      const { picture } = data.meta;
      if (!picture || !data.count) this.source = null;
      else if (data.pieces) this.source = new PiecedFrames(data, this.ui.stage);
      else if (picture.kind === "video") this.source = framesOfVideo(bytesOf(frames), data.meta, data.times, this.ui.stage);
      else this.source = new ImageStrip(bytesOf(frames), { ...picture, count: data.count, width: data.meta.width, height: data.meta.height });
      if (this.source && data.thumbnails) this.source.thumbnail = (i, height) => nearestThumbnail(data.thumbnails, i, height);
    } else if (data.pieces) {
      this.source.data = data;
      if (data.stock === null) data.pieces = this.source.pieces;
    }
    const asked = this.model.get("map");
    this.look.map = data.map(asked) || asked === "none" ? asked : data.maps.length ? data.maps[0].name : "none";
    if (!data.map(this.look.second)) this.look.second = "none";
    this.current = Math.min(this.current, Math.max(0, data.count - 1));
    this.ui.title.textContent = unbroken(data.meta.title || "");
    this.ui.title.hidden = !data.meta.title;
    this.root.setAttribute("aria-label", `Scrubber: ${data.meta.title || "clip"}, ${data.count} frames, ${signs(data.duration, 1)} s`);
    this.ui.slider.max = Math.max(0, data.count - 1);
    this.ui.notices.replaceChildren(...(data.meta.notices || []).map((text) => make("li", {}, text)));
    this.ui.notices.hidden = !(data.meta.notices || []).length;
    this.ui.notes.replaceChildren(...(data.meta.messages || []).map((text) => make("li", {}, text)));
    this.ui.notes.hidden = !(data.meta.messages || []).length;
    this.fillControls();
    this.retheme();
    refreshAnnotations(this);
  }

  fillControls() {
    const { ui, look, data } = this;
    const names = [...data.maps.map((m) => [m.name, m.name, m.group]), ["none", "none"]];
    fillChoice(ui.map, names, look.map);
    fillChoice(ui.second, names, look.second);
    ui.mode.value = look.mode;
    ui.secondField.hidden = look.mode === "overlay";
    ui.wipeField.hidden = look.mode !== "wipe";
    ui.wipe.value = Math.round(look.wipe * 100);
    ui.opacity.value = Math.round(look.opacity * 100);
    ui.gamma.value = look.gamma;
    for (const name of ["colours", "scale"]) ui[name].value = look[name];
    for (const name of ["outlines", "contours", "stacked", "insets"]) ui[name].checked = look[name];
    ui.smoothing.value = String(look.smoothing);
    ui.lens.value = this.view.lens.k;
    ui.insets.closest("label").hidden = !hasInsets(data);
    this.context.refresh();
    const flat = data.panels.filter((p) => p.flat).length;
    ui.flat.hidden = !flat;
    ui.flat.textContent = `${flat} flat signal${flat === 1 ? "" : "s"}`;
    ui.flat.setAttribute("aria-expanded", String(Boolean(look.flat)));
    ui.outlines.closest("label").hidden = !data.outlined;
    ui.stacked.closest("label").hidden = !data.maps.some((m) => m.shares >= 0);
  }

  retheme(printed = window.matchMedia("print").matches) {
    this.theme = readTheme(this.root, printed);
    this.renewLegend();
    this.relayout();
  }

  renewLegend() {
    const folded = new Set(this.look.flat ? [] : this.data.panels.filter((p) => p.flat).map((p) => p.key));
    this.fillLegend = buildLegend(this.ui, this.data, this.data.map(this.look.map), this.theme, folded);
  }

  relayout() {
    this.root.dataset.mode = this.look.mode;
    this.root.dataset.wide = this.data.meta.width > 1.5 * this.data.meta.height ? "1" : "";
    const width = this.ui.stage.clientWidth;
    if (!width) return;
    this.view.fit(this.data, this.look, width);
    const pictures = Boolean(this.source && this.source.thumbnail);
    this.overview.layout(this.ui.overview.parentElement.clientWidth, pictures);
    if (pictures) this.overview.fill(this.data, this.source, () => this.drawTimes());
    this.layoutTimes();
    this.show(this.current, true);
  }

  // The curves again: another window, another smoothing, other rows.
  rewindow() {
    this.layoutTimes();
    this.drawTimes();
  }

  layoutTimes() {
    this.chart.layout(this.data, this.look, this.ui.chart.parentElement.clientWidth, this.curves, this.span);
    this.ui.chart.setAttribute("aria-label", this.chartWords());
    this.ui.overview.setAttribute("aria-label", `Timeline: ${this.span.text()} of ${signs(this.data.duration, 1)} s`);
    this.ui.window.textContent = unbroken(this.span.text());
    this.ui.zoomAll.disabled = this.ui.zoomOut.disabled = this.span.whole;
  }

  // The chart and the strip as they are now; nothing before the first image.
  drawTimes() {
    const { data } = this;
    if (!data.count || !this.view.shown || this.view.shown.data !== data) return;
    this.chart.draw(data, this.current, this.look, this.annotations, this.theme);
    this.overview.draw(data, this.current, this.curves, data.map(this.look.map), this.span, this.annotations, this.theme);
  }

  chartWords() {
    const names = [...this.chart.panels.map((p) => p.title)];
    return names.length ? `${names.join("; ")}; ${this.span.text()} of ${signs(this.data.duration, 1)} s` : "No curves";
  }

  // Shows a frame as soon as its picture is there; a picture that comes late for a frame no longer wanted is not drawn.
  show(i, again = false) {
    const { data } = this;
    // Before it has a place on the page there is nothing to draw on; it is drawn when it gets one.
    if (!data.count || !Number.isFinite(i) || !this.view.boxes) return;
    i = Math.max(0, Math.min(data.count - 1, Math.round(i)));
    if (i === this.current && !again && Number(this.root.dataset.drawn) === i) return;
    this.current = i;
    this.ui.slider.value = i;
    if (this.source) this.source.request(i, (frame, picture) => frame === this.current && this.paint(frame, picture));
    else this.paint(i, null);
  }

  paint(i, picture) {
    const { data, ui, look } = this;
    this.view.draw(data, i, picture, look);
    const unseen = unseenText(this.source, data.meta, picture);
    ui.unseen.hidden = !unseen;
    if (ui.unseen.textContent !== unseen) ui.unseen.textContent = unseen;
    if (this.pointer) this.sayUnder();
    drawInsets(this, i, picture);
    this.context.draw(i);
    if (this.span.follow(data.times[i])) this.layoutTimes();
    this.drawTimes();
    this.fillLegend(i);
    this.fillBars();
    const time = `${signs(data.seconds(i), 2)} s`;
    ui.time.value = unbroken(`frame ${i + 1} of ${data.count} · ${time}`);
    ui.slider.setAttribute("aria-valuetext", `frame ${i + 1} of ${data.count}, ${time}`);
    ui.canvas.setAttribute("aria-label", this.words(i));
    const gap = data.gapAt(i);
    ui.stage.dataset.gap = gap ? gap[2] || data.meta.texts.gap : "";
    this.root.dataset.drawn = i;
    this.root.dispatchEvent(new CustomEvent("stavis:drawn", { bubbles: true, detail: { frame: i, map: look.map } }));
  }

  // What lies under the pointer that rests on the image.
  sayUnder() {
    this.ui.under.textContent = this.pointer ? unbroken(this.view.valueAt(this.pointer)) : "";
  }

  // The picture in words, for those who do not see it.
  words(i) {
    const { data, look } = this;
    const parts = [`frame ${i + 1}`];
    for (const trace of data.traces.filter((t) => t.kind === "predicted")) {
      const v = data.row(trace.row)[i];
      if (Number.isFinite(v)) parts.push(`${trace.name} ${signs(v, 2)}`);
    }
    const map = data.map(look.map);
    if (map && map.shares >= 0) {
      const best = data.groups
        .filter((g) => !g.faint && Number.isFinite(data.share(map, g, i)))
        .sort((a, b) => data.share(map, b, i) - data.share(map, a, i))[0];
      if (best) parts.push(`${Math.round(100 * data.share(map, best, i))} % of ${map.name} on the ${best.label}`);
    }
    return parts.join(", ");
  }

  // What the colours stand for: one bar a map that is shown.
  fillBars() {
    const { ui, look, data } = this;
    const layers = this.view.shown.layers;
    const two = look.mode === "side" || look.mode === "wipe";
    ui.bars.forEach((bar, k) => {
      const layer = layers[k];
      const map = data.map(k ? look.second : look.map);
      bar.row.hidden = k === 1 && !two;
      bar.row.dataset.empty = layer ? "" : "1";
      if (!layer) return (bar.key = "");
      const name = layer.signed ? look.signed : look.colours;
      const key = [name, look.opacity, look.gamma, layer.signed, layer.top, look.mode, map && map.name].join();
      if (key === bar.key) return;
      bar.key = key;
      paintBar(bar.canvas, this.view.overlay.table(data.meta.palettes, name), layer.signed, look);
      bar.name.textContent = two ? map.name : "";
      bar.low.textContent = layer.signed ? short(-layer.top) : "0";
      bar.high.textContent = short(layer.top);
      bar.unit.textContent = look.mode === "difference" ? "difference of densities, first − second" : map.unit;
    });
  }

  chooseMap(name, tell = true) {
    if (name === this.look.map || (name !== "none" && !this.data.map(name))) return;
    this.look.map = name;
    this.ui.map.value = name;
    refreshMoments(this);
    this.renewLegend();
    this.relayout();
    if (tell) this.tell("map", name);
  }

  // State flows to the host when a change is over, never while dragging.
  tell(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  settle() {
    if (this.model.get("frame") !== this.current) this.tell("frame", this.current);
  }

  // Ends playing; the host is not told where.
  halt() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.sound.stop();
    this.ui.play.replaceChildren(icon("play"));
    this.ui.play.setAttribute("aria-label", "Play");
  }

  play(on = !this.playing) {
    this.halt();
    const { data } = this;
    if (!on || data.count < 2) return this.settle();
    this.ui.play.replaceChildren(icon("pause"));
    this.ui.play.setAttribute("aria-label", "Pause");
    const [first, last] = this.annotations.range || [0, data.count - 1];
    let from = this.current >= last ? first : this.current;
    let began = performance.now();
    const speed = Number(this.ui.speed.value);
    const heard = this.sound.on && this.sound.there;
    if (heard) this.sound.begin(data.times[from], speed).then((problem) => problem && this.say(problem));
    // Sound runs on to the end of the last frame.
    const end = last + 1 < data.count ? data.times[last + 1] : 2 * data.times[last] - data.times[last - 1];
    let before = began;
    const step = (now) => {
      const heardAt = this.sound.time();
      // What is drawn now is seen when the screen is refreshed next.
      const ahead = (speed * Math.min(20, Math.max(0, now - before))) / 1000;
      before = now;
      // While sound is heard it is the clock; while it is about to be, the frame waits for it.
      if (this.sound.pending) [from, began] = [this.current, now];
      let t = heardAt !== null ? heardAt + ahead : data.times[from] + ((now - began) / 1000) * speed;
      if (heardAt !== null) [from, began] = [Math.min(last, data.frameBefore(t)), now];
      if (heardAt !== null ? heardAt >= end : t > data.times[last] || (heard && this.sound.ended)) {
        if (this.ui.loop.getAttribute("aria-pressed") !== "true") {
          this.show(last);
          return this.play(false);
        }
        from = first;
        began = now;
        t = data.times[first];
        if (heard) this.sound.begin(t, speed);
      }
      this.show(heardAt !== null ? Math.min(last, data.frameBefore(t)) : data.frameAt(t));
      this.playing = requestAnimationFrame(step);
    };
    this.playing = requestAnimationFrame(step);
  }

  say(text) {
    this.ui.status.textContent = unbroken(text);
  }

  close() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.stops.abort();
    if (this.source) this.source.close();
    this.overview.close();
    this.context.close();
    this.sound.close();
    this.chart.close();
    for (const canvas of [this.ui.canvas, this.view.overlay.canvas]) canvas.width = canvas.height = 0;
    this.root.remove();
  }
}

export function render({ model, el }) {
  const scrubber = new Scrubber(model, el);
  // Where a notebook shows a poster for readers without a kernel, the live one takes its place.
  const poster = (model.get("clip") || {}).poster;
  if (poster) for (const node of document.querySelectorAll(`[data-stavis-poster="${poster}"]`)) node.hidden = true;
  return () => scrubber.close();
}
