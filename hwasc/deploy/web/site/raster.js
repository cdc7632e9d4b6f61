// A picture over time: numbers in rows and columns, drawn one pixel each and stretched by the style sheet.

export class Raster {
  constructor(rows, columns) {
    this.rows = rows;
    this.columns = columns;
    this.values = new Float32Array(rows * columns).fill(NaN);
  }

  /** Put the frames from `firstFrame` on of a matrix (rows, frames) into the columns from `first` to before `end`. */
  put(first, end, matrix, firstFrame = 0) {
    const frames = matrix.length / this.rows;
    const shown = frames - firstFrame;
    for (let column = Math.max(first, 0); column < Math.min(end, this.columns); column++) {
      const frame = firstFrame + Math.floor(((column - first) * shown) / (end - first));
      for (let row = 0; row < this.rows; row++) {
        this.values[row * this.columns + column] = matrix[row * frames + frame];
      }
    }
  }

  /** Move all columns to the left; those on the right become empty. */
  scroll(count) {
    for (let row = 0; row < this.rows; row++) {
      const line = this.values.subarray(row * this.columns, (row + 1) * this.columns);
      line.copyWithin(0, count);
      line.fill(NaN, Math.max(this.columns - count, 0));
    }
  }

  /** The least and the greatest number; [0, 1] where there is none. */
  range() {
    let low = Infinity;
    let high = -Infinity;
    for (const x of this.values) {
      if (x < low) low = x;
      if (x > high) high = x;
    }
    return low < high ? [low, high] : [0, 1];
  }

  /** Draw. `colour(value)` gives [red, green, blue, alpha]; row 0 is at the top, or at the bottom with `upward`. */
  draw(canvas, colour, { upward = false } = {}) {
    canvas.width = this.columns;
    canvas.height = this.rows;
    const context = canvas.getContext("2d");
    const image = context.createImageData(this.columns, this.rows);
    for (let row = 0; row < this.rows; row++) {
      const line = upward ? this.rows - 1 - row : row;
      for (let column = 0; column < this.columns; column++) {
        const value = this.values[row * this.columns + column];
        if (!Number.isNaN(value)) image.data.set(colour(value), 4 * (line * this.columns + column));
      }
    }
    context.putImageData(image, 0, 0);
  }
}

// From quiet to loud; the lightness rises evenly, so that it reads without colour vision too.
const STOPS = [[9, 14, 38], [45, 38, 106], [112, 48, 130], [186, 66, 108], [236, 122, 66], [252, 196, 92], [254, 250, 214]];

/** A colour scale from `low` to `high`. */
export function heat(low, high) {
  return (value) => {
    const at = (Math.min(Math.max((value - low) / (high - low), 0), 1) * (STOPS.length - 1)) || 0;
    const i = Math.min(Math.floor(at), STOPS.length - 2);
    const mixed = STOPS[i].map((c, k) => c + (at - i) * (STOPS[i + 1][k] - c));
    return [...mixed, 255];
  };
}
