// In a page without a kernel the same module finds its data in inert blocks and brings the posters to life.

import { make } from "./controls.js";
import { besideText } from "./media/pieces.js";
import { wakeFigures } from "./page/figures.js";
import { connectMomentLinks } from "./page/links.js";
import { render } from "./scrubber.js";

function unbase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

async function block(name) {
  const node = [...document.querySelectorAll("script[data-stavis-block]")].find((s) => s.dataset.stavisBlock === name);
  return node ? unpacked(node.textContent.trim(), node.dataset.coding) : new Uint8Array(0);
}

async function unpacked(text, coding) {
  const bytes = unbase64(text);
  if (coding !== "gzip") return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Loads a piece of a long clip from inside the page or from the folder beside it.
const pieceLoader = ({ names, folder }) => async (k) => {
  if (!folder) return block(names[k]);
  const { text, coding } = await besideText(folder, names[k]);
  return unpacked(text, coding);
};

// A model with the five methods that the scrubber asks of its host.
function modelOf(state) {
  const heard = {};
  const fire = (event) => (heard[event] || []).forEach((call) => call());
  return {
    get: (key) => state[key],
    set(key, value) {
      const changed = state[key] !== value;
      state[key] = value;
      if (changed) fire("change:" + key);
    },
    save_changes() {},
    on: (event, call) => (heard[event] = heard[event] || []).push(call),
    off: (event, call) => (heard[event] = (heard[event] || []).filter((other) => other !== call)),
  };
}

async function wake(host, kept) {
  const state = JSON.parse(host.querySelector("script[type='application/json']").textContent);
  for (const [key, name] of Object.entries(state.blocks)) {
    kept[name] = kept[name] || block(name);
    state[key] = await kept[name];
  }
  if (state.pieces) state.loadPiece = pieceLoader(state.pieces);
  const self = document.querySelector("script[data-stavis-module]");
  const style = document.querySelector("style[data-stavis-style]");
  state._esm = self ? self.textContent : "";
  state._css = style ? style.textContent : "";
  // Which scrubber of the page it is, from 1: what only a page without a kernel does (address, keys) depends on it.
  state.offline = [...document.querySelectorAll("[data-stavis-host]")].indexOf(host) + 1;
  const el = host.querySelector(".stv-mount");
  el.replaceChildren();
  render({ model: modelOf(state), el });
}

async function boot() {
  const kept = {};
  for (const host of document.querySelectorAll("[data-stavis-host]:not([data-live])")) {
    host.dataset.live = "1";
    try {
      await wake(host, kept);
    } catch (error) {
      host.querySelector(".stv-mount").replaceChildren(make("p", {}, `This clip cannot be shown: ${error.message}`));
    }
  }
  await wakeFigures(block);
}

if (document.querySelector("script[data-stavis-module]")) {
  connectMomentLinks();
  boot();
}

export default { render };
