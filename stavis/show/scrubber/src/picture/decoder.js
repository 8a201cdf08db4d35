// Frames of an mp4 decoded one by one, where the browser offers its decoder: a jump decodes from the key frame before it, with no player
// in between that has to seek. The mp4 is our own: H.264 without B-frames, all samples of its one track described in one place.

const DECODED_BYTES = 96 << 20;

// The payloads of the boxes of a kind directly inside bytes[from, to).
function boxesOf(view, from, to, kind) {
  const found = [];
  for (let at = from; at + 8 <= to; ) {
    let size = view.getUint32(at);
    const name = String.fromCharCode(view.getUint8(at + 4), view.getUint8(at + 5), view.getUint8(at + 6), view.getUint8(at + 7));
    const head = size === 1 ? 16 : 8;
    if (size === 1) size = Number(view.getBigUint64(at + 8));
    if (size === 0) size = to - at;
    if (size < head) break;
    if (name === kind) found.push([at + head, Math.min(to, at + size)]);
    at += size;
  }
  return found;
}

// What a decoder must know of an mp4: {codec, description, samples: [{offset, size, key}]}; null for one that is not as ours are.
export function samplesOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [from, to] = [0, bytes.length];
  for (const kind of ["moov", "trak", "mdia", "minf", "stbl"]) {
    const box = boxesOf(view, from, to, kind)[0];
    if (!box) return null;
    [from, to] = box;
  }
  const one = (kind) => boxesOf(view, from, to, kind)[0];
  const [stsd, stsz, stsc, stss] = ["stsd", "stsz", "stsc", "stss"].map(one);
  const [stco, co64] = [one("stco"), one("co64")];
  const avc1 = stsd && boxesOf(view, stsd[0] + 8, stsd[1], "avc1")[0];
  const avcC = avc1 && boxesOf(view, avc1[0] + 78, avc1[1], "avcC")[0];
  if (!avcC || !stsz || !stsc || !(stco || co64)) return null;
  const hex = (at) => view.getUint8(at).toString(16).padStart(2, "0");
  const codec = "avc1." + hex(avcC[0] + 1) + hex(avcC[0] + 2) + hex(avcC[0] + 3);
  const chunks = stco || co64;
  const chunkAt = (k) => (stco ? view.getUint32(chunks[0] + 8 + 4 * k) : Number(view.getBigUint64(chunks[0] + 8 + 8 * k)));
  const [same, count] = [view.getUint32(stsz[0] + 4), view.getUint32(stsz[0] + 8)];
  const keys = stss && new Set(Array.from({ length: view.getUint32(stss[0] + 4) }, (_, k) => view.getUint32(stss[0] + 8 + 4 * k) - 1));
  const samples = [];
  const runs = view.getUint32(stsc[0] + 4);
  for (let chunk = 0, run = 0; chunk < view.getUint32(chunks[0] + 4) && samples.length < count; chunk++) {
    while (run + 1 < runs && view.getUint32(stsc[0] + 8 + 12 * (run + 1)) <= chunk + 1) run++;
    let offset = chunkAt(chunk);
    for (let k = 0; k < view.getUint32(stsc[0] + 8 + 12 * run + 4) && samples.length < count; k++) {
      const size = same || view.getUint32(stsz[0] + 12 + 4 * samples.length);
      samples.push({ offset, size, key: !keys || keys.has(samples.length) });
      offset += size;
    }
  }
  return samples.length === count ? { codec, description: bytes.slice(avcC[0], avcC[1]), samples } : null;
}

// A step of at most so many frames goes on from what was seen before; a longer one is a jump.
const SMALL_STEP = 16;
// How many frames ahead are decoded at least while it goes on (one step where that is longer), and after a jump.
const ON_THE_WAY = 6;
const AFTER_JUMP = 1;

// Like the other sources: request(i, done) calls back with the image of the frame asked for last. While the frames asked for follow each
// other closely, whole groups from key frame to key frame are decoded and kept for a while: playing, stepping and dragging slowly find
// them there. After a jump nothing is decoded but its frame and the next one: who looks here and there needs no more, nor its memory.
export class DecodedFrames {
  // A source of frames, or null where the browser has no decoder for them or the mp4 is not as ours are. sharers: how many such sources
  // share the memory for images.
  static of(bytes, meta, sharers = 1) {
    if (!window.VideoDecoder) return null;
    const found = samplesOf(bytes);
    return found && found.samples.length === meta.count && found.samples[0].key ? new DecodedFrames(bytes, meta, found, sharers) : null;
  }

  constructor(bytes, meta, found, sharers) {
    this.bytes = bytes;
    this.count = meta.count;
    this.area = [0, 0, meta.width, meta.height];
    this.samples = found.samples;
    this.config = { codec: found.codec, description: found.description, optimizeForLatency: true };
    this.kept = new Map();
    this.room = Math.max(48, Math.floor(DECODED_BYTES / sharers / (meta.width * meta.height * 4)));
    this.wanted = -1;
    this.step = this.reach = 0;
    this.busy = this.closed = false;
  }

  // by: how many frames lie between it and the one asked for before, which another source may have had.
  request(i, done, by = this.wanted < 0 ? Infinity : i - this.wanted) {
    if (by) [this.step, this.reach] = [stepOf(by), stepOf(by) ? Math.max(ON_THE_WAY, Math.abs(by)) : 0];
    this.wanted = i;
    this.done = done;
    if (this.kept.has(i)) done(i, this.kept.get(i));
    if (!this.busy) this.run();
  }

  // Decodes what is wanted, then what comes next, until all of it is there.
  async run() {
    this.busy = true;
    const failed = new Set();
    for (let next; !this.closed && (next = this.missing(failed)) >= 0; ) {
      await this.decode(next);
      if (this.kept.has(next)) continue;
      failed.add(next);
      if (!this.closed && next === this.wanted) this.done(next, null);
    }
    this.busy = false;
  }

  // The frame asked for where it is not there; else the first that is missing of those that the steps lead to; -1 where none is.
  missing(failed) {
    for (let k = 0; k <= this.reach; k++) {
      const i = this.wanted + k * this.step;
      if (i >= 0 && i < this.count && !this.kept.has(i) && !failed.has(i)) return i;
    }
    return -1;
  }

  // The frames from the key frame before i to the next one: [from, to), to exclusive.
  groupOf(i) {
    let [from, to] = [i, i + 1];
    while (!this.samples[from].key) from--;
    while (to < this.count && !this.samples[to].key) to++;
    return [from, to];
  }

  // Decodes the group of frame i and keeps its images; after a jump those of i and the next alone.
  async decode(i) {
    const [from, to] = this.groupOf(i);
    const [first, stop] = this.step ? [from, to] : [i, Math.min(to, i + 1 + AFTER_JUMP)];
    const copies = [];
    const decoder = new VideoDecoder({
      output: (frame) => {
        const k = Math.round(frame.timestamp / 1000);
        if (k < first || this.kept.has(k)) frame.close();
        else copies.push(this.keep(k, frame));
      },
      error: () => {},
    });
    try {
      decoder.configure(this.config);
      for (let k = from; k < stop; k++) decoder.decode(this.chunk(k));
      await decoder.flush();
    } catch {
      // A damaged group: its frames stay without an image.
    }
    if (decoder.state !== "closed") decoder.close();
    await Promise.all(copies);
  }

  async keep(k, frame) {
    const picture = await imageOf(frame, this.area);
    frame.close();
    if (!picture) return;
    if (this.closed) return picture.close();
    this.kept.set(k, picture);
    for (const [old, other] of this.kept) {
      if (this.kept.size <= this.room) break;
      if (old === this.wanted) continue;
      this.kept.delete(old);
      other.close();
    }
    if (k === this.wanted) this.done(k, picture);
  }

  chunk(k) {
    const { offset, size, key } = this.samples[k];
    return new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: k * 1000, data: this.bytes.subarray(offset, offset + size) });
  }

  // A small image of the key frame before i.
  async thumbnail(i, height) {
    const [key] = this.groupOf(i);
    if (this.closed) return null;
    return new Promise((resolve) => {
      const small = { resizeHeight: height, resizeQuality: "medium" };
      const output = (frame) => {
        createImageBitmap(frame, ...this.area, small).then(resolve, () => resolve(null)).then(() => frame.close());
      };
      const decoder = new VideoDecoder({ output, error: () => resolve(null) });
      decoder.configure(this.config);
      decoder.decode(this.chunk(key));
      decoder.flush().then(() => decoder.close(), () => resolve(null));
    });
  }

  close() {
    this.closed = true;
    for (const picture of this.kept.values()) picture.close();
    this.kept.clear();
  }
}

// The direction of a small step, 1 or -1; 0 for a jump.
export function stepOf(by) {
  return Math.abs(by) <= SMALL_STEP ? Math.sign(by) : 0;
}

// The image in an area of a decoded frame; null where it cannot be had. Its values are copied out: frames that are drawn stay behind in
// the browser's memory for images, each of them, until that is full.
async function imageOf(frame, area) {
  const { width, height } = frame.visibleRect;
  try {
    // A browser that does not convert ignores the format and names another size.
    if (frame.allocationSize({ format: "RGBA" }) === 4 * width * height) {
      const values = new Uint8ClampedArray(4 * width * height);
      await frame.copyTo(values, { format: "RGBA" });
      return await createImageBitmap(new ImageData(values, width, height), ...area);
    }
  } catch {
    // It is drawn instead.
  }
  return createImageBitmap(frame, ...area).catch(() => null);
}
