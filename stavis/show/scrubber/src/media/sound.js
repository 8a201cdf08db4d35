// The sound of the clip. While it is heard its own clock decides which frame is shown; muted, nothing of it is loaded.

const SPEAKER = "M2 6h2.6L8 3v10L4.6 10H2z";
const WAVES = "M10 5.2a4 4 0 0 1 0 5.6M12 3.4a6.6 6.6 0 0 1 0 9.2";
const CROSS = "M10 6l4 4M14 6l-4 4";

// Seconds that a browser's clock of the sound may stand still while it runs.
const LONGEST_STEP = 0.1;

export class SoundTrack {
  constructor() {
    this.on = false;
    this.mark = null;
    this.volume = 0.8;
    this.element = null;
    this.data = null;
    this.waiting = false;
  }

  // Another clip has another sound.
  use(data) {
    if (this.data && this.data.sound && data.sound && this.data.sound.bytes === data.sound.bytes) {
      this.data = data;
      return;
    }
    this.close();
    this.data = data;
  }

  get there() {
    return Boolean(this.data && this.data.sound);
  }

  ready() {
    if (!this.loading) {
      const { bytes, mime } = this.data.sound;
      this.url = URL.createObjectURL(new Blob([bytes], { type: mime }));
      const element = document.createElement("audio");
      element.preload = "auto";
      element.preservesPitch = true;
      this.element = element;
      this.loading = new Promise((resolve) => {
        element.addEventListener("canplaythrough", () => resolve(true), { once: true });
        element.addEventListener("error", () => resolve(false), { once: true });
      });
      element.src = this.url;
    }
    return this.loading;
  }

  // Starts to play at t seconds from the first frame; resolves with "" or with why nothing is heard.
  async begin(t, speed) {
    this.waiting = true;
    const turn = (this.turn = (this.turn || 0) + 1);
    const able = await this.ready();
    if (turn !== this.turn || !this.element) return "";
    this.waiting = false;
    if (!able) return "This browser cannot play the sound of this clip.";
    this.element.volume = this.volume;
    this.element.playbackRate = speed;
    this.element.currentTime = Math.max(0, t);
    try {
      await this.element.play();
    } catch (error) {
      return turn === this.turn && error.name !== "AbortError" ? "The browser does not let this page play sound: press play again." : "";
    }
    return "";
  }

  // Seconds from the first frame of what is heard now; null where the sound does not run. The element's own position counts what left the
  // loudspeaker, whatever is buffered before it. Some browsers move it in steps: between two of them it goes on at the speed of playing.
  time() {
    const { element } = this;
    if (!this.on || !element || this.waiting || element.paused || element.seeking) return (this.mark = null);
    const [at, now] = [element.currentTime, performance.now()];
    if (!this.mark || this.mark.at !== at) this.mark = { at, now, moved: Boolean(this.mark) };
    const since = this.mark.moved ? Math.min((now - this.mark.now) / 1000, LONGEST_STEP) : 0;
    return at + since * element.playbackRate;
  }

  // Whether the frames have to wait: the sound is about to begin or to go on elsewhere.
  get pending() {
    return this.on && (this.waiting || Boolean(this.element && !this.element.paused && this.element.seeking));
  }

  // Whether it came to its end.
  get ended() {
    return Boolean(this.element && this.element.ended && !this.waiting);
  }

  stop() {
    this.turn = (this.turn || 0) + 1;
    this.waiting = false;
    if (this.element) this.element.pause();
  }

  close() {
    this.stop();
    if (this.element) {
      this.element.removeAttribute("src");
      this.element.load();
      URL.revokeObjectURL(this.url);
    }
    this.element = this.loading = null;
  }
}

function speaker(on) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const add = (d, filled) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    if (!filled) for (const [name, value] of [["fill", "none"], ["stroke", "currentColor"], ["stroke-width", "1.4"], ["stroke-linecap", "round"]]) path.setAttribute(name, value);
    svg.append(path);
  };
  add(SPEAKER, true);
  add(on ? WAVES : CROSS, false);
  return svg;
}

// A button and a volume beside the speed; they are there where the clip has a sound.
export function connectSound(s) {
  const { ui } = s;
  const button = document.createElement("button");
  Object.assign(button, { type: "button", name: "sound", className: "stv-icon" });
  const volume = document.createElement("input");
  Object.assign(volume, { type: "range", name: "volume", min: 0, max: 100, step: 5, className: "stv-volume" });
  volume.setAttribute("aria-label", "Volume");
  volume.title = "Volume";
  volume.value = 100 * s.sound.volume;
  ui.speed.after(button, volume);
  const refresh = () => {
    button.hidden = !s.sound.there;
    volume.hidden = !s.sound.there || !s.sound.on;
    button.setAttribute("aria-pressed", String(s.sound.on));
    button.setAttribute("aria-label", "Sound");
    button.title = `${s.sound.on ? "Mute" : "Play with sound"}; at other speeds the sound keeps its pitch (M)`;
    button.replaceChildren(speaker(s.sound.on));
  };
  const toggle = () => {
    if (!s.sound.there) return;
    s.sound.on = !s.sound.on;
    refresh();
    s.say(s.sound.on ? "Sound is on." : "Sound is off.");
    if (s.playing) s.play(true);
    else if (s.sound.on) s.sound.ready();
  };
  s.on(button, "click", toggle);
  s.on(volume, "input", () => {
    s.sound.volume = volume.value / 100;
    volume.setAttribute("aria-valuetext", `${volume.value} %`);
    if (s.sound.element) s.sound.element.volume = s.sound.volume;
  });
  s.toggleSound = toggle;
  s.refreshSound = refresh;
  refresh();
}

// The waveform of the sound between t0 and t1 seconds, one line a pixel, in the box {x, y, w, h}.
export function drawWaveform(pen, waveform, t0, t1, box, colour) {
  const { peaks, perSecond } = waveform;
  const middle = box.y + box.h / 2;
  pen.fillStyle = colour;
  for (let x = 0; x < box.w; x++) {
    const from = Math.floor((t0 + ((t1 - t0) * x) / box.w) * perSecond);
    const to = Math.max(from + 1, Math.floor((t0 + ((t1 - t0) * (x + 1)) / box.w) * perSecond));
    let high = 0;
    for (let k = Math.max(0, from); k < Math.min(to, peaks.length); k++) high = Math.max(high, peaks[k]);
    const half = Math.max(0.5, (high / 255) * (box.h / 2));
    pen.fillRect(box.x + x, middle - half, 1, 2 * half);
  }
}
