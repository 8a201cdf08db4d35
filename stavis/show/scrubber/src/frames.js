// Where the frames come from. All sources answer request(i, done): done(i, picture) is called for the frame asked for LAST only.

import { DecodedFrames, stepOf } from "./picture/decoder.js";

const CACHE_BYTES = 64 << 20;

export class ImageStrip {
  constructor(bytes, meta) {
    this.bytes = bytes;
    this.meta = meta;
    this.count = meta.count;
    this.cache = new Map();
    this.room = Math.max(24, Math.floor(CACHE_BYTES / (meta.width * meta.height * 4)));
    this.wanted = -1;
    this.closed = false;
  }

  request(i, done) {
    this.wanted = i;
    const known = this.decode(i);
    if (known instanceof Promise) known.then((picture) => !this.closed && this.wanted === i && done(i, picture));
    else done(i, known);
    for (let k = 1; k <= 8; k++) {
      if (i + k < this.count) this.decode(i + k);
      if (k <= 3 && i - k >= 0) this.decode(i - k);
    }
  }

  decode(i) {
    let known = this.cache.get(i);
    if (known !== undefined) {
      this.cache.delete(i);
      this.cache.set(i, known);
      return known;
    }
    const part = this.bytes.subarray(this.meta.offsets[i], this.meta.offsets[i + 1]);
    known = createImageBitmap(new Blob([part], { type: this.meta.mime })).then(
      (picture) => {
        if (this.closed || !this.cache.has(i)) picture.close();
        else this.cache.set(i, picture);
        return this.closed ? null : picture;
      },
      () => null,
    );
    this.cache.set(i, known);
    for (const [k, old] of this.cache) {
      if (this.cache.size <= this.room) break;
      if (k === this.wanted) continue;
      this.cache.delete(k);
      if (old && old.close) old.close();
    }
    return known;
  }

  // A small image of frame i, `height` pixels high, for whoever asks; null where it cannot be decoded.
  async thumbnail(i, height) {
    const part = this.bytes.subarray(this.meta.offsets[i], this.meta.offsets[i + 1]);
    return createImageBitmap(new Blob([part], { type: this.meta.mime }), { resizeHeight: height, resizeQuality: "medium" }).catch(() => null);
  }

  close() {
    this.closed = true;
    for (const picture of this.cache.values()) if (picture && picture.close) picture.close();
    this.cache.clear();
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// A film is an mp4 whose time stamps are the clip's own; which frame is shown is read from the media time, never assumed.
export class VideoFrames {
  constructor(bytes, meta, times, host) {
    this.times = times;
    this.count = meta.count;
    this.url = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
    this.video = document.createElement("video");
    Object.assign(this.video, { muted: true, playsInline: true, preload: "auto", className: "stv-video" });
    this.video.setAttribute("aria-hidden", "true");
    this.video.tabIndex = -1;
    host.append(this.video);
    this.picture = document.createElement("canvas");
    this.picture.width = meta.width;
    this.picture.height = meta.height;
    this.area = [0, 0, meta.width, meta.height];
    this.pen = this.picture.getContext("2d");
    this.wanted = -1;
    this.shown = -1;
    this.busy = false;
    this.closed = false;
    this.ready = new Promise((resolve) => {
      this.video.addEventListener("loadeddata", () => resolve(true), { once: true });
      this.video.addEventListener("error", () => resolve(false), { once: true });
    });
    this.presented = -1;
    this.follow();
    this.video.src = this.url;
  }

  // The middle of the frame's stretch of time: rounding in the player cannot fall off either side of it.
  middle(i) {
    const next = i + 1 < this.count ? this.times[i + 1] : this.times[i] + (i ? this.times[i] - this.times[i - 1] : 0.04);
    return this.times[i] + (next - this.times[i]) / 2;
  }

  frameOf(mediaTime) {
    let low = 0;
    let high = this.count;
    while (high - low > 1) {
      const half = (low + high) >> 1;
      if (this.times[half] <= mediaTime + 5e-4) low = half;
      else high = half;
    }
    return low;
  }

  request(i, done) {
    this.wanted = i;
    this.done = done;
    if (i === this.shown && !this.busy) done(i, this.picture);
    else if (!this.busy) this.run();
  }

  async run() {
    this.busy = true;
    if (!(await this.ready)) {
      this.busy = false;
      if (!this.closed) this.done(this.wanted, null);
      return;
    }
    for (let tries = 0; !this.closed && this.shown !== this.wanted && tries < 4; tries++) {
      const aim = this.wanted;
      if (await this.seek(aim)) this.shown = aim;
      if (this.closed) break;
      if (this.shown === this.wanted) this.done(this.shown, this.picture);
      else if (this.wanted !== aim) tries = -1;
    }
    this.busy = false;
  }

  // Goes to a frame and keeps its picture; false where the player would not show it, or another frame is wanted by now.
  async seek(i) {
    const { video } = this;
    const until = performance.now() + 3000;
    const arrived = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = this.middle(i);
    await Promise.race([arrived, pause(3000)]);
    // "Seeked" may come before the picture does: look again until the picture itself is the right one.
    while (!this.closed && this.wanted === i && performance.now() < until) {
      if (this.take(i)) return true;
      await pause(8);
    }
    return false;
  }

  // Copies the player's picture if it is that of frame i. A VideoFrame carries its own time stamp: picture and time cannot part.
  take(i) {
    const { video } = this;
    if (!window.VideoFrame) {
      if (video.requestVideoFrameCallback ? this.frameOf(this.presented) !== i : video.seeking) return false;
      this.pen.drawImage(video, ...this.area, ...this.area);
      return true;
    }
    try {
      const frame = new VideoFrame(video);
      const right = this.frameOf(frame.timestamp / 1e6) === i;
      if (right) this.pen.drawImage(frame, ...this.area, ...this.area);
      frame.close();
      return right;
    } catch {
      return false;
    }
  }

  // For players without VideoFrame: the media time of the picture presented last.
  follow() {
    if (this.closed || window.VideoFrame || !this.video.requestVideoFrameCallback) return;
    this.video.requestVideoFrameCallback((_, shown) => {
      this.presented = shown.mediaTime;
      this.follow();
    });
  }

  close() {
    this.closed = true;
    this.video.removeAttribute("src");
    this.video.load();
    this.video.remove();
    URL.revokeObjectURL(this.url);
    this.picture.width = this.picture.height = 0;
  }
}

// The frames of one mp4: decoded where the browser offers that, played by a video element where not. players: how many share the memory.
export function framesOfVideo(bytes, meta, times, host, players = 1) {
  return DecodedFrames.of(bytes, meta, players) || new VideoFrames(bytes, meta, times, host);
}

// The frames of a long clip: a player for each piece that is looked at, of which a few are kept.
const PLAYERS = 3;
const AHEAD = 48;

export class PiecedFrames {
  constructor(data, host) {
    this.data = data;
    this.pieces = data.pieces;
    this.host = host;
    this.players = new Map();
    this.wanted = -1;
    this.step = 0;
    this.closed = false;
    this.missing = document.createElement("p");
    this.missing.className = "stv-missing";
    this.missing.setAttribute("role", "alert");
    this.missing.hidden = true;
    host.append(this.missing);
  }

  request(i, done) {
    const by = this.wanted < 0 ? Infinity : i - this.wanted;
    if (by) this.step = stepOf(by);
    this.wanted = i;
    const k = this.pieces.indexOf(i);
    this.player(k).then((player) => {
      if (this.closed || this.wanted !== i) return;
      this.missing.textContent = player ? "" : this.pieces.problem;
      this.missing.hidden = Boolean(player);
      if (!player) return done(i, null);
      // The maps of this frame must be there when its image is drawn.
      player.request(i - player.first, (_, picture) => {
        if (this.closed || this.wanted !== i) return;
        if (this.pieces.at(i)) done(i, picture);
        else this.request(i, done);
      }, by);
      const { first, stop } = this.pieces.spans[k];
      if (this.step > 0 && i >= stop - AHEAD && k + 1 < this.pieces.spans.length) this.prepare(k + 1, stop);
      if (this.step < 0 && i < first + AHEAD && k > 0) this.prepare(k - 1, first - 1);
    });
  }

  // Whoever goes on into piece k, where frame i is the first that is met, finds it there with its images.
  async prepare(k, i) {
    const player = await this.player(k);
    if (player && player.wanted !== i - player.first) player.request(i - player.first, () => {}, this.step);
  }

  async player(k) {
    const piece = await this.pieces.load(k);
    if (!piece || this.closed) return null;
    let player = this.players.get(k);
    if (player) this.players.delete(k);
    else {
      const start = this.data.times[piece.first];
      const times = Float64Array.from(this.data.times.subarray(piece.first, piece.stop), (t) => t - start);
      player = framesOfVideo(piece.images, { ...this.data.meta, count: times.length }, times, this.host, PLAYERS);
      player.first = piece.first;
    }
    this.players.set(k, player);
    const current = this.pieces.indexOf(Math.max(0, this.wanted));
    for (const old of this.players.keys()) {
      if (this.players.size <= PLAYERS) break;
      if (old === current || old === k) continue;
      this.players.get(old).close();
      this.players.delete(old);
    }
    return player;
  }

  close() {
    this.closed = true;
    for (const player of this.players.values()) player.close();
    this.players.clear();
    this.missing.remove();
  }
}

// The nearest of the thumbnails that came with the clip, as an image; null where it cannot be decoded.
export function nearestThumbnail(thumbnails, i, height) {
  const { frames } = thumbnails;
  let best = 0;
  frames.forEach((frame, k) => (best = Math.abs(frame - i) < Math.abs(frames[best] - i) ? k : best));
  const blob = new Blob([thumbnails.image(best)], { type: thumbnails.mime });
  return createImageBitmap(blob, { resizeHeight: height, resizeQuality: "medium" }).catch(() => null);
}

// Why an image is grey: it cannot be decoded; "" where it is not, or where its source says itself that a piece is missing.
export function unseenText(source, meta, picture) {
  if (picture || !source || (source.missing && !source.missing.hidden)) return "";
  const kind = meta.picture.kind === "strip" ? "WebP images" : "H.264 video";
  return `The image of this frame cannot be decoded here: open it in a browser that shows ${kind}.`;
}
