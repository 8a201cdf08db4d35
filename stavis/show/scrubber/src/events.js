// What the user does: pointer, keys, controls.

import { addEvent, excludeRange, removeHere, setRange, toggleRange } from "./annotations.js";
import { zoomTo } from "./picture/lens.js";
import { stepMoment } from "./timeline/moments.js";
import { wholeClip, zoomTime } from "./timeline/zooming.js";

// The scrubbers of this page in their order, and the one that was used last: the space bar plays it wherever the page has the focus.
const shownHere = new Set();
let usedLast = null;

export function connectEvents(s) {
  const { ui } = s;
  s.on(ui.slider, "input", () => s.show(Number(ui.slider.value)));
  s.on(ui.slider, "change", () => s.settle());
  s.on(ui.play, "click", () => s.play());
  s.on(ui.loop, "click", () => ui.loop.setAttribute("aria-pressed", ui.loop.getAttribute("aria-pressed") !== "true"));
  s.on(ui.speed, "change", () => s.playing && s.play(true));
  s.on(ui.help, "click", () => ui.keys.showModal());
  s.on(ui.keys, "click", (event) => event.target === ui.keys && ui.keys.close());
  s.on(ui.flat, "click", () => {
    s.look.flat = !s.look.flat;
    s.fillControls();
    s.renewLegend();
    s.rewindow();
  });
  s.on(ui.map, "change", () => s.chooseMap(ui.map.value));
  connectLook(s);
  s.on(ui.canvas, "pointermove", (event) => {
    s.pointer = event;
    s.sayUnder();
    if (event.buttons && s.look.mode === "wipe") wipeTo(s, event);
  });
  s.on(ui.canvas, "pointerleave", () => {
    s.pointer = null;
    s.sayUnder();
  });
  s.on(ui.canvas, "pointerdown", (event) => {
    if (s.look.mode !== "wipe") return;
    ui.canvas.setPointerCapture(event.pointerId);
    wipeTo(s, event);
  });
  s.on(s.root, "keydown", (event) => onKey(s, event));
  s.on(s.root, "keyup", (event) => {
    if (event.key.startsWith("Arrow") || ["Home", "End", "PageUp", "PageDown"].includes(event.key)) s.settle();
  });
  // While it plays the host is not told of every frame: whatever is pressed on the page acts on the one that is shown then.
  for (const name of ["pointerdown", "keydown"]) s.on(document, name, () => s.playing && s.settle(), { capture: true });
  shownHere.add(s);
  for (const name of ["pointerdown", "focusin"]) s.on(s.root, name, () => (usedLast = s));
  s.stops.signal.addEventListener("abort", () => {
    shownHere.delete(s);
    if (usedLast === s) usedLast = null;
  });
  // A notebook has keys of its own: there only a scrubber that has the focus takes them.
  if (s.model.get("offline")) s.on(document, "keydown", (event) => onPageKey(s, event));
}

// Space plays and "?" helps wherever the focus is in a page, but in what needs these keys itself. One scrubber of the page answers.
function onPageKey(s, event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || (event.key !== " " && event.key !== "?")) return;
  if (s !== (usedLast || [...shownHere][0]) || document.querySelector("dialog[open]")) return;
  const at = event.target instanceof Element ? event.target : document.body;
  if (at.closest("button, select, summary, input, textarea, [contenteditable], [role=button]")) return;
  event.preventDefault();
  if (event.repeat) return;
  if (event.key === " ") s.play();
  else s.ui.keys.showModal();
}

function connectLook(s) {
  const { ui, look } = s;
  const again = () => {
    s.show(s.current, true);
  };
  s.on(ui.mode, "change", () => setMode(s, ui.mode.value));
  s.on(ui.second, "change", () => {
    look.second = ui.second.value;
    again();
  });
  s.on(ui.wipe, "input", () => {
    look.wipe = ui.wipe.value / 100;
    again();
  });
  s.on(ui.opacity, "input", () => {
    look.opacity = ui.opacity.value / 100;
    again();
  });
  s.on(ui.gamma, "input", () => {
    look.gamma = Number(ui.gamma.value);
    again();
  });
  for (const name of ["colours", "scale"]) {
    s.on(ui[name], "change", () => {
      look[name] = ui[name].value;
      again();
    });
  }
  for (const name of ["outlines", "contours", "stacked", "insets"]) {
    s.on(ui[name], "change", () => {
      look[name] = ui[name].checked;
      s.relayout();
    });
  }
}

// A second view needs a second map: the next one in the list unless the user chose one.
function setMode(s, mode) {
  s.look.mode = mode;
  if (mode !== "overlay" && s.look.second === "none") {
    const other = s.data.maps.find((m) => m.name !== s.look.map);
    if (other && mode === "difference") s.look.second = other.name;
    else if (other && mode !== "overlay") s.look.second = other.name;
  }
  s.fillControls();
  s.relayout();
}

function wipeTo(s, event) {
  const rect = s.ui.canvas.getBoundingClientRect();
  s.look.wipe = Math.max(0, Math.min(1, (event.clientX - rect.left) / rect.width));
  s.ui.wipe.value = Math.round(100 * s.look.wipe);
  s.show(s.current, true);
}

function onKey(s, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || s.ui.keys.open) return;
  const at = event.target;
  const own = at === s.ui.slider ? "" : at.tagName;
  const typing = own === "INPUT" && at.type === "text";
  if (typing) return;
  const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -1e9, End: 1e9 };
  const { key } = event;
  if (key in moves) {
    // Selects and the other sliders keep their arrows.
    if (own === "SELECT" || own === "INPUT") return;
    s.show(s.current + moves[key] * (event.shiftKey ? 10 : 1));
  } else if (key === " ") {
    // A slider has no use for the space bar; all else that can be focused has.
    if (["BUTTON", "SELECT", "SUMMARY"].includes(own) || (own === "INPUT" && at.type !== "range")) return;
    if (!event.repeat) s.play();
  } else {
    const act = own === "SELECT" ? null : LETTERS[key.length === 1 ? key.toLowerCase() : key];
    if (!act) return;
    act(s);
  }
  event.preventDefault();
  event.stopPropagation();
}

function nextOf(list, value) {
  return list[(list.indexOf(value) + 1) % list.length];
}

function changeOpacity(s, by) {
  s.look.opacity = Math.max(0, Math.min(1, Math.round(10 * (s.look.opacity + by)) / 10));
  s.ui.opacity.value = Math.round(100 * s.look.opacity);
  s.show(s.current, true);
}

const LETTERS = {
  a: (s) => s.chooseMap(nextOf([...s.data.maps.map((m) => m.name), "none"], s.look.map)),
  v: (s) => setMode(s, nextOf(["overlay", "side", "wipe", "difference"], s.look.mode)),
  "[": (s) => changeOpacity(s, -0.1),
  "]": (s) => changeOpacity(s, 0.1),
  n: (s) => stepMoment(s, 1),
  p: (s) => stepMoment(s, -1),
  "+": (s) => zoomTime(s, 0.5),
  "=": (s) => zoomTime(s, 0.5),
  "-": (s) => zoomTime(s, 2),
  0: (s) => wholeClip(s),
  z: (s) => zoomTo(s, s.view.lens.k > 1 ? 1 : 2.5),
  i: (s) => {
    s.look.insets = !s.look.insets;
    s.fillControls();
    s.relayout();
  },
  w: (s) => s.context.choose(!s.look.context),
  "?": (s) => s.ui.keys.showModal(),
  r: (s) => toggleRange(s),
  x: (s) => excludeRange(s),
  e: (s) => addEvent(s),
  m: (s) => s.toggleSound(),
  Delete: (s) => removeHere(s),
  Escape: (s) => setRange(s, null),
};
