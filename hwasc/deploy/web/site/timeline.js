// The two pictures over time, one above the other: the probability of each scene, and the log-mel that the student sees.

import { heat, Raster } from "./raster.js";

const COLUMNS = 1200; // at most, of a recording
const ROLLING = 20; // seconds that are shown of a microphone
const ACCENT = [47, 127, 193];

export class Timeline {
  /** Of `seconds` of a recording, or rolling without end where they are null. `elements`: canvases and the ends of the axis. */
  constructor(elements, { mels, frames, classes, clip, seconds = null }) {
    this.elements = elements;
    this.clip = clip;
    this.frames = frames;
    this.rolling = seconds === null;
    this.span = this.rolling ? ROLLING : seconds;
    this.perSecond = Math.min(COLUMNS / this.span, frames / clip);
    const columns = Math.max(1, Math.ceil(this.span * this.perSecond));
    this.scenes = new Raster(classes, columns);
    this.spectrogram = new Raster(mels, columns);
    this.end = 0; // column
    this.waiting = false;
    elements.from.textContent = this.rolling ? `−${ROLLING} s` : "0 s";
    elements.to.textContent = this.rolling ? "now" : `${this.span.toFixed(1)} s`;
    this.draw();
  }

  /** Add the clip that begins at `start` seconds: its probabilities and features. */
  add(start, { probabilities, features }) {
    const end = Math.round((start + this.clip) * this.perSecond);
    let first = Math.round(start * this.perSecond);
    if (this.rolling) {
      const moved = this.end ? end - this.end : end - first;
      this.scenes.scroll(moved);
      this.spectrogram.scroll(moved);
      first = this.scenes.columns - moved;
    }
    this.end = end;
    const last = this.rolling ? this.scenes.columns : end;
    // Of clips that overlap, only what is new is drawn.
    const shown = Math.min(Math.ceil(((last - first) / this.perSecond) * (this.frames / this.clip)), this.frames);
    this.scenes.put(first, last, probabilities);
    this.spectrogram.put(first, last, features, this.frames - shown);
    if (!this.waiting) requestAnimationFrame(() => this.draw());
    this.waiting = true;
  }

  draw() {
    this.waiting = false;
    this.scenes.draw(this.elements.scenes, (p) => [...ACCENT, 255 * p]);
    this.spectrogram.draw(this.elements.spectrogram, heat(...this.spectrogram.range()), { upward: true });
  }
}
