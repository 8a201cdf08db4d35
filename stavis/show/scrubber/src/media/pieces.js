// The pieces of a long clip: a few seconds of images, maps and outlines each. In a page they are loaded when they are looked at, from inert
// blocks in it or from style sheets beside it, whose custom properties hold them: data that nothing runs. A few are kept.

const PIECES_KEPT = 6;

export class Pieces {
  // spans: first and stop of each piece; sizes: bytes of its images, maps and outlines; load(k): a promise of its bytes.
  constructor(spans, sizes, load) {
    this.spans = spans;
    this.sizes = sizes;
    this.read = load;
    this.kept = new Map();
    this.waiting = new Map();
    this.problem = "";
  }

  indexOf(i) {
    let low = 0;
    let high = this.spans.length;
    while (high - low > 1) {
      const half = (low + high) >> 1;
      if (this.spans[half].first <= i) low = half;
      else high = half;
    }
    return low;
  }

  // The piece that holds frame i, where it is loaded: {first, stop, images, maps, outlines}; null where not.
  at(i) {
    return this.kept.get(this.indexOf(i)) || null;
  }

  // A promise of a piece; null where it cannot be loaded, and `problem` says why.
  load(k) {
    const known = this.kept.get(k);
    if (known) {
      this.kept.delete(k);
      this.kept.set(k, known);
      return Promise.resolve(known);
    }
    if (!this.waiting.has(k)) {
      const loading = this.read(k).then(
        (bytes) => this.keep(k, bytes),
        (error) => {
          this.problem = error.message;
          this.waiting.delete(k);
          return null;
        },
      );
      this.waiting.set(k, loading);
    }
    return this.waiting.get(k);
  }

  keep(k, bytes) {
    this.waiting.delete(k);
    const [images, maps, outlines] = this.sizes[k];
    // Outlines are read as numbers of two and four bytes: a copy starts where those may.
    const rings = bytes.slice(images + maps, images + maps + outlines).buffer;
    const piece = {
      ...this.spans[k],
      images: bytes.subarray(0, images),
      maps: bytes.subarray(images, images + maps),
      rings: outlines ? new Uint16Array(rings) : null,
    };
    this.kept.set(k, piece);
    for (const old of this.kept.keys()) {
      if (this.kept.size <= PIECES_KEPT) break;
      this.kept.delete(old);
    }
    this.problem = "";
    return piece;
  }
}

// The text of a piece that stands beside the page: the properties of one rule of its style sheet, then the sheet is let go.
export function besideText(folder, name) {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = `${encodeURIComponent(folder)}/${name}.css`;
    link.onload = () => {
      const probe = document.createElement("i");
      probe.className = `stv-piece-${name}`;
      probe.hidden = true;
      document.body.append(probe);
      const style = getComputedStyle(probe);
      const property = (key) => style.getPropertyValue(key).trim().replace(/^["']|["']$/g, "");
      const count = Number(property("--count")) || 0;
      let text = "";
      for (let k = 0; k < count; k++) text += property(`--d${k}`);
      const coding = property("--coding");
      probe.remove();
      link.remove();
      if (text) resolve({ text, coding });
      else reject(new Error(`A part of this clip in the folder ${folder} is damaged: write the page again.`));
    };
    link.onerror = () => {
      link.remove();
      reject(new Error(`This page needs the folder ${folder} beside it, with images and maps of the recording: copy it along.`));
    };
    document.head.append(link);
  });
}
