// Waveform to log-mel, with the steps of training: pre-emphasis, frames, window, FFT, mel bands, logarithm, (x - mean) / std.

import { PowerSpectrum } from "./fft.js";

/**
 * A front end. `frontEnd` is its record in model.json, `filters` the first bin and the number of bins of each mel band, and
 * `tables` a Float32Array of the window followed by the weights of all bands.
 */
export class LogMel {
  constructor(frontEnd, filters, tables) {
    this.frontEnd = frontEnd;
    this.filters = filters;
    this.window = tables.subarray(0, frontEnd.window);
    this.weights = tables.subarray(frontEnd.window);
    this.spectrum = new PowerSpectrum(frontEnd.n_fft);
    this.frame = new Float64Array(frontEnd.n_fft);
  }

  /** Samples of a clip. */
  get samples() {
    return Math.round(this.frontEnd.seconds * this.frontEnd.sample_rate);
  }

  /**
   * The features of a clip as the student was trained on them: float16 numbers, held in a Float32Array (mels, frames).
   *
   * `samples` are of the front end's rate, full scale 1.
   */
  compute(samples) {
    const fe = this.frontEnd;
    const emphasised = fe.pre_emphasis > 0 && fe.pre_emphasis_of === "clip" ? emphasise(samples, fe.pre_emphasis) : samples;
    const features = new Float32Array(fe.mels * fe.frames);
    for (let t = 0; t < fe.frames; t++) {
      this.takeFrame(emphasised, t);
      const bins = this.spectrum.power(this.frame);
      if (fe.power === 1) for (let k = 0; k < bins.length; k++) bins[k] = Math.sqrt(bins[k]);
      let next = 0;
      for (let band = 0; band < fe.mels; band++) {
        const [first, count] = this.filters[band];
        let sum = 0;
        for (let k = 0; k < count; k++) sum += bins[first + k] * this.weights[next + k];
        next += count;
        features[band * fe.frames + t] = toHalf(Math.fround((this.logarithm(sum) - fe.mean) / fe.std));
      }
    }
    return features;
  }

  logarithm(band) {
    const fe = this.frontEnd;
    const least = Math.max(band + fe.log_offset, fe.log_floor);
    return fe.log === "natural" ? Math.log(least) : 10 * Math.log10(least);
  }

  /** Put frame t, weighted by the window, into the first numbers of `this.frame`; the others stay zero. */
  takeFrame(x, t) {
    const fe = this.frontEnd;
    const before = fe.edges === "none" ? 0 : Math.floor(fe.n_fft / 2) - Math.floor((fe.n_fft - fe.window) / 2);
    const start = t * fe.hop - before;
    const frame = this.frame;
    let sum = 0;
    for (let i = 0; i < fe.window; i++) {
      frame[i] = sample(x, start + i, fe.edges === "reflect");
      sum += frame[i];
    }
    if (fe.remove_mean) for (let i = 0; i < fe.window; i++) frame[i] -= sum / fe.window;
    if (fe.pre_emphasis > 0 && fe.pre_emphasis_of === "frame") {
      for (let i = fe.window - 1; i >= 0; i--) frame[i] -= fe.pre_emphasis * frame[Math.max(i - 1, 0)];
    }
    for (let i = 0; i < fe.window; i++) frame[i] *= this.window[i];
  }
}

/** Round to the nearest float16, ties to even. `x` is a float32. */
export function toHalf(x) {
  const size = Math.abs(x);
  if (!(size > 0 && size < Infinity)) return x;
  const step = Math.max(Math.floor(Math.log2(size)), -14) - 10; // exponent of the last place
  const shift = 1.5 * 2 ** (52 + step); // a double of this size has no places beyond `step`
  const rounded = x + shift - shift;
  return Math.abs(rounded) > 65504 ? Math.sign(x) * Infinity : rounded;
}

/** y[n] = x[n + 1] - c x[n], one sample shorter. */
function emphasise(x, c) {
  return Float32Array.from({ length: x.length - 1 }, (_, n) => x[n + 1] - c * x[n]);
}

/** Sample i; beyond the ends zero, or mirrored without repeating the last one. */
function sample(x, i, mirrored) {
  if (i >= 0 && i < x.length) return x[i];
  if (!mirrored) return 0;
  return x[i < 0 ? -i : 2 * (x.length - 1) - i];
}
