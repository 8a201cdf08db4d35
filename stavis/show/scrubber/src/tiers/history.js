// Undo and redo of annotations: what they were before each change, as text. The chosen range is no part of it.

const KEPT = 200;

const textOf = (annotations) =>
  JSON.stringify({ exclude: annotations.exclude, events: annotations.events, tiers: annotations.tiers });

export class History {
  constructor(annotations) {
    this.clear(annotations);
  }

  clear(annotations) {
    this.before = [];
    this.after = [];
    this.now = textOf(annotations);
  }

  holds(annotations) {
    return textOf(annotations) === this.now;
  }

  // Notes a change; what was undone before it cannot be redone.
  note(annotations) {
    const text = textOf(annotations);
    if (text === this.now) return;
    this.before.push(this.now);
    if (this.before.length > KEPT) this.before.shift();
    this.after = [];
    this.now = text;
  }

  // The annotations one step back (or forth), or null where there is none.
  step(back) {
    const from = back ? this.before : this.after;
    if (!from.length) return null;
    (back ? this.after : this.before).push(this.now);
    this.now = from.pop();
    return JSON.parse(this.now);
  }
}
