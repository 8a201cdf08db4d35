// What a user takes away: a picture, the numbers, a clip, the whole thing as one page. All made here, with no kernel and no network.

import { bytesOf } from "./data.js";
import { make } from "./controls.js";
import { csvText } from "./tiers/files.js";
import { within } from "./tiers/tiers.js";

export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export const fileName = (data, ending) =>
  ((data.meta.title || "clip").replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "").slice(0, 80) || "clip") + ending;

export function sharesCsv(data, look, annotations) {
  const map = data.map(look.map);
  const head = ["frame", "time", data.meta.texts.valid, "excluded"];
  const columns = [];
  if (map && map.shares >= 0) data.meta.regions.forEach((name, r) => columns.push([`${map.name} ${name}`, data.row(map.shares + r)]));
  for (const trace of data.traces) columns.push([trace.name, data.row(trace.row)]);
  const lines = [[...head, ...columns.map((c) => csvText(c[0]))].join(",")];
  const out = (t) => annotations.exclude.some((pair) => within(t, pair));
  for (let i = 0; i < data.count; i++) {
    const t = data.seconds(i);
    const cells = [i, t.toFixed(4), data.row(1)[i] > 0 ? 1 : 0, out(t) ? 1 : 0];
    for (const [, row] of columns) cells.push(Number.isFinite(row[i]) ? Number(row[i].toPrecision(6)) : "");
    lines.push(cells.join(","));
  }
  return lines.join("\n") + "\n";
}

export function pngOf(picture, chart, theme, done) {
  const sheet = document.createElement("canvas");
  const edge = 16;
  sheet.width = Math.max(picture.width, chart.width) + 2 * edge;
  sheet.height = picture.height + chart.height + 3 * edge;
  const pen = sheet.getContext("2d");
  pen.fillStyle = theme.back;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.drawImage(picture, edge, edge);
  pen.drawImage(chart, edge, picture.height + 2 * edge);
  sheet.toBlob(done, "image/png");
}

// Plays the range once and records the canvas; resolves with a WebM blob, or null where the browser cannot.
export async function recordClip(canvas, showFrame, data, from, to, stopped) {
  if (!canvas.captureStream || !window.MediaRecorder) return null;
  const type = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"].find((t) => MediaRecorder.isTypeSupported(t));
  if (!type) return null;
  const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: type, videoBitsPerSecond: 4e6 });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const ended = new Promise((resolve) => (recorder.onstop = resolve));
  await showFrame(from);
  recorder.start();
  const started = performance.now();
  for (let i = from; i <= to && !stopped(); i++) {
    await showFrame(i);
    const until = started + 1000 * (data.times[Math.min(i + 1, data.count - 1)] - data.times[from]);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, until - performance.now())));
  }
  recorder.stop();
  await ended;
  return new Blob(parts, { type: "video/webm" });
}

const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

async function packed(bytes) {
  const squeezed = window.CompressionStream
    ? new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer())
    : null;
  const smaller = squeezed && squeezed.length < 0.97 * bytes.length;
  const from = smaller ? squeezed : bytes;
  const parts = [];
  for (let at = 0; at < from.length; at += 24570) parts.push(btoa(String.fromCharCode(...from.subarray(at, at + 24570))));
  return { coding: smaller ? "gzip" : "none", text: parts.join("") };
}

const BUFFERS = ["frames", "maps", "outlines", "numbers", "media"];
const OF_PIECES = ["numbers", "media", "samples"];

// The scrubber as a page of its own: the same text, the same data, the same strict policy as a report.
export async function pageOf(model, data, state, poster, alt) {
  const end = "<" + "/script>";
  const blocks = [];
  const names = {};
  const add = async (name, bytes) => {
    const block = await packed(bytes);
    blocks.push(`<script type="text/plain" data-stavis-block="own-${name}" data-coding="${block.coding}">${block.text}${end}`);
    return "own-" + name;
  };
  const load = model.get("loadPiece");
  for (const name of load ? OF_PIECES : BUFFERS) names[name] = await add(name, bytesOf(model.get(name)));
  // A clip in pieces stays in pieces, all of them inside.
  const pieces = load ? { ...model.get("pieces"), folder: "", names: [] } : undefined;
  for (let k = 0; load && k < data.pieces.spans.length; k++) pieces.names.push(await add("piece-" + k, await load(k)));
  const json = JSON.stringify({ ...state, clip: data.meta, blocks: names, pieces }).replaceAll("<", "\\u003c");
  const title = escaped(data.meta.title || "clip");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${escaped(data.meta.policy)}"><title>${title}</title>
<style>body{margin:1rem auto;max-width:88rem;padding:0 1rem;background:#fff}</style>
<style data-stavis-style>${model.get("_css")}</style></head><body><main>
<div class="stv-host" data-stavis-host><script type="application/json">${json}${end}<div class="stv-mount"><img alt="${escaped(alt)}" src="${poster}"><p>Scripts are off: showing one frame.</p></div></div>
</main>
${blocks.join("\n")}
<script type="module" data-stavis-module>${model.get("_esm")}${end}</body></html>`;
}
