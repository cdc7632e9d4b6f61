// The discrete Fourier transform of real frames of any length, in double precision.

/**
 * A plan for frames of one length: radix 2 for powers of two, Bluestein's algorithm on top of it for other lengths.
 *
 * `power(frame)` takes a Float64Array of n numbers and gives the powers |X[k]|² of bins 0 to n / 2, in an array that the next
 * call overwrites.
 */
export class PowerSpectrum {
  constructor(n) {
    this.bins = new Float64Array(Math.floor(n / 2) + 1);
    this.transform = (n & (n - 1)) === 0 ? new Radix2(n) : new Bluestein(n);
    this.real = new Float64Array(n);
    this.imaginary = new Float64Array(n);
  }

  power(frame) {
    this.real.set(frame);
    this.imaginary.fill(0);
    this.transform.run(this.real, this.imaginary);
    for (let k = 0; k < this.bins.length; k++) {
      this.bins[k] = this.real[k] ** 2 + this.imaginary[k] ** 2;
    }
    return this.bins;
  }
}

/** In place, for a power of two. */
class Radix2 {
  constructor(n) {
    this.n = n;
    this.cosines = Float64Array.from({ length: n / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / n));
    this.sines = Float64Array.from({ length: n / 2 }, (_, k) => Math.sin((2 * Math.PI * k) / n));
    this.reversed = new Uint32Array(n);
    for (let i = 1; i < n; i++) this.reversed[i] = (this.reversed[i >> 1] >> 1) + (i & 1 ? n / 2 : 0);
  }

  run(real, imaginary) {
    const { n, cosines, sines, reversed } = this;
    for (let i = 0; i < n; i++) {
      const j = reversed[i];
      if (j > i) {
        [real[i], real[j]] = [real[j], real[i]];
        [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
      }
    }
    for (let half = 1; half < n; half *= 2) {
      const step = n / (2 * half);
      for (let first = 0; first < n; first += 2 * half) {
        for (let k = 0; k < half; k++) {
          const a = first + k;
          const b = a + half;
          const c = cosines[k * step];
          const s = sines[k * step];
          const x = real[b] * c + imaginary[b] * s;
          const y = imaginary[b] * c - real[b] * s;
          real[b] = real[a] - x;
          imaginary[b] = imaginary[a] - y;
          real[a] += x;
          imaginary[a] += y;
        }
      }
    }
  }
}

/** In place, for any length: a convolution with a chirp, in a power of two of at least 2n - 1 numbers. */
class Bluestein {
  constructor(n) {
    let size = 1;
    while (size < 2 * n - 1) size *= 2;
    this.n = n;
    this.inner = new Radix2(size);
    // k² modulo 2n keeps the angle exact for large k.
    const angles = Float64Array.from({ length: n }, (_, k) => (Math.PI * ((k * k) % (2 * n))) / n);
    this.cosines = angles.map(Math.cos);
    this.sines = angles.map(Math.sin);
    this.chirp = { real: new Float64Array(size), imaginary: new Float64Array(size) };
    for (let k = 0; k < n; k++) {
      for (const at of k ? [k, size - k] : [0]) {
        this.chirp.real[at] = this.cosines[k];
        this.chirp.imaginary[at] = this.sines[k];
      }
    }
    this.inner.run(this.chirp.real, this.chirp.imaginary);
    this.work = { real: new Float64Array(size), imaginary: new Float64Array(size) };
  }

  run(real, imaginary) {
    const { n, inner, cosines, sines, chirp, work } = this;
    work.real.fill(0);
    work.imaginary.fill(0);
    for (let k = 0; k < n; k++) {
      work.real[k] = real[k] * cosines[k] + imaginary[k] * sines[k];
      work.imaginary[k] = imaginary[k] * cosines[k] - real[k] * sines[k];
    }
    inner.run(work.real, work.imaginary);
    for (let k = 0; k < inner.n; k++) {
      const x = work.real[k] * chirp.real[k] - work.imaginary[k] * chirp.imaginary[k];
      const y = work.real[k] * chirp.imaginary[k] + work.imaginary[k] * chirp.real[k];
      // Conjugate before and after: the forward transform is then the inverse one.
      work.real[k] = x;
      work.imaginary[k] = -y;
    }
    inner.run(work.real, work.imaginary);
    for (let k = 0; k < n; k++) {
      const x = work.real[k] / inner.n;
      const y = -work.imaginary[k] / inner.n;
      real[k] = x * cosines[k] + y * sines[k];
      imaginary[k] = y * cosines[k] - x * sines[k];
    }
  }
}
