// Hands on the timeline: drag the window's edges, move it, draw a new one; wheel and pinch on the strip and on the chart.

const WHEEL = 1.0018;

// A strip's own gestures. A click without a drag goes to that moment; a double click shows the whole clip again.
export function connectOverview(s) {
  const canvas = s.ui.overview;
  let held = null;
  s.on(canvas, "pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    const t = s.overview.time(s.data, event.clientX);
    held = { grip: s.overview.grip(s.data, s.span, event.clientX, event.pointerType === "touch"), x: event.clientX, t, moved: false };
    [held.t0, held.t1] = [s.span.t0, s.span.t1];
    event.preventDefault();
    s.ui.slider.focus({ preventScroll: true });
  });
  s.on(canvas, "pointermove", (event) => {
    if (!held) {
      const grip = s.overview.grip(s.data, s.span, event.clientX, false);
      canvas.style.cursor = grip === "window" ? "grab" : grip ? "ew-resize" : "crosshair";
      return;
    }
    if (!held.moved && Math.abs(event.clientX - held.x) < 4) return;
    held.moved = true;
    const t = s.overview.time(s.data, event.clientX);
    if (held.grip === "window") s.span.set(held.t0 + t - held.t, held.t1 + t - held.t);
    else if (held.grip === "start") s.span.set(Math.min(t, held.t1 - s.span.least), held.t1);
    else if (held.grip === "end") s.span.set(held.t0, Math.max(t, held.t0 + s.span.least));
    else s.span.set(Math.min(t, held.t), Math.max(t, held.t));
    s.rewindow();
  });
  const letGo = () => {
    if (held && !held.moved) {
      s.show(s.data.frameAt(held.t));
      s.settle();
    }
    held = null;
  };
  s.on(canvas, "pointerup", letGo);
  s.on(canvas, "pointercancel", () => (held = null));
  s.on(canvas, "dblclick", () => wholeClip(s));
  s.on(canvas, "wheel", (event) => wheel(s, event, s.overview.time(s.data, event.clientX), true), { passive: false });
  s.on(s.ui.chart, "wheel", (event) => wheel(s, event, s.chart.time(s.data, event.clientX), false), { passive: false });
  s.on(s.ui.zoomIn, "click", () => zoomTime(s, 0.5));
  s.on(s.ui.zoomOut, "click", () => zoomTime(s, 2));
  s.on(s.ui.zoomAll, "click", () => wholeClip(s));
  s.on(s.ui.smoothing, "change", () => {
    s.look.smoothing = Number(s.ui.smoothing.value);
    s.rewindow();
  });
  connectPinch(s, s.ui.chart);
}

// On the strip the wheel zooms; on the chart only with Ctrl (which a pinch on a trackpad sends), so that pages still scroll over it.
function wheel(s, event, t, always) {
  const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
  if (sideways && !s.span.whole) {
    const by = ((event.deltaX || event.deltaY) / Math.max(100, s.chart.width)) * (s.span.t1 - s.span.t0);
    s.span.set(s.span.t0 + by, s.span.t1 + by);
  } else if (!sideways && (always || event.ctrlKey || event.metaKey)) {
    s.span.zoom(Math.pow(event.ctrlKey ? Math.pow(WHEEL, 4) : WHEEL, event.deltaY), t);
  } else return;
  event.preventDefault();
  s.rewindow();
}

// Two fingers on the chart: what lies between them stays between them.
function connectPinch(s, canvas) {
  const fingers = new Map();
  let before = 0;
  const apart = () => {
    const [a, b] = [...fingers.values()];
    return Math.max(12, Math.abs(a - b));
  };
  s.on(canvas, "pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    fingers.set(event.pointerId, event.clientX);
    if (fingers.size === 2) before = apart();
  });
  s.on(canvas, "pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, event.clientX);
    if (fingers.size !== 2) return;
    const [a, b] = [...fingers.values()];
    s.span.zoom(before / apart(), s.chart.time(s.data, (a + b) / 2));
    before = apart();
    s.rewindow();
  });
  for (const name of ["pointerup", "pointercancel"]) s.on(canvas, name, (event) => fingers.delete(event.pointerId));
}

export function zoomTime(s, factor) {
  s.span.zoom(factor, s.data.times[s.current]);
  s.rewindow();
}

export function wholeClip(s) {
  s.span.reset();
  s.rewindow();
}
