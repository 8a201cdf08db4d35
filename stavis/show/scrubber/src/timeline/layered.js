// A canvas in pixels of the page, with all that does not move drawn once behind what does.

export class Layered {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.background = document.createElement("canvas");
    this.stale = true;
  }

  // Sizes both layers to the screen's own pixels.
  resize(width, height) {
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    [this.width, this.height] = [width, height];
    const [w, h] = [Math.round(width * this.ratio), Math.round(height * this.ratio)];
    for (const canvas of [this.canvas, this.background]) {
      if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    }
    this.canvas.style.width = width + "px";
    this.canvas.style.height = height + "px";
    this.stale = true;
  }

  // The pen for what moves, over what does not; still(pen) draws that, where it has changed since.
  begin(still) {
    const { pen, ratio, background } = this;
    if (this.stale) {
      const under = background.getContext("2d");
      under.setTransform(ratio, 0, 0, ratio, 0, 0);
      under.clearRect(0, 0, this.width, this.height);
      still(under);
      this.stale = false;
    }
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.drawImage(background, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    return pen;
  }

  close() {
    this.canvas.width = this.canvas.height = this.background.width = this.background.height = 0;
  }
}
