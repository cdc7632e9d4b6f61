// Sound from files: decoding, one channel out of several, windows as long as a clip. The rules are those of training.

const SHORT = 0.01; // share of a clip that may be missing at the end
const FULL_SCALE = 10; // a sample above it is not one of full scale 1
const DEAD = 1e-3; // power of a dead channel against the loudest one
const OPPOSITE = -0.9; // correlation of two channels that cancel

/** An error whose message is for people. */
export class SoundError extends Error {}

/**
 * Decode a file to `rate`: { channels: Float32Array[], rate }.
 *
 * WAV files of this rate are read here, sample by sample as in training. The browser decodes all others, and resamples them.
 */
export async function decode(bytes, rate) {
  const wav = readWav(bytes);
  if (wav && wav.rate === rate) return wav;
  let buffer;
  try {
    buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  } catch {
    throw new SoundError("this browser cannot decode it. WAV, MP3, FLAC and Ogg usually work.");
  }
  return { channels: Array.from({ length: buffer.numberOfChannels }, (_, c) => buffer.getChannelData(c)), rate };
}

/** Resample samples of one channel; `wanted` is the number of samples at the new rate. */
export async function resample(samples, rate, newRate, wanted) {
  if (rate === newRate) return samples;
  const context = new OfflineAudioContext(1, wanted, newRate);
  const buffer = new AudioBuffer({ length: samples.length, sampleRate: rate });
  buffer.copyToChannel(samples, 0);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

/** Read a WAV file of integers or floats: { channels, rate }; null where it is something else. */
export function readWav(bytes) {
  const view = new DataView(bytes);
  const text = (at) => String.fromCharCode(...new Uint8Array(bytes, at, 4));
  if (bytes.byteLength < 12 || text(0) !== "RIFF" || text(8) !== "WAVE") return null;
  let format = null;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (text(at) === "fmt " && size >= 16 && start + size <= bytes.byteLength) {
      const tag = view.getUint16(start, true);
      format = {
        code: tag === 0xfffe && size >= 26 ? view.getUint16(start + 24, true) : tag,
        channels: view.getUint16(start + 2, true),
        rate: view.getUint32(start + 4, true),
        bits: view.getUint16(start + 14, true),
      };
    } else if (text(at) === "data" && format) {
      return readSamples(view, format, start, Math.min(size, bytes.byteLength - start));
    }
    at = start + size + (size % 2);
  }
  return null;
}

function readSamples(view, { code, channels, rate, bits }, start, size) {
  const read = {
    "1-8": (at) => (view.getUint8(at) - 128) / 128,
    "1-16": (at) => view.getInt16(at, true) / 32768,
    "1-24": (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65536) / 8388608,
    "1-32": (at) => view.getInt32(at, true) / 2147483648,
    "3-32": (at) => view.getFloat32(at, true),
    "3-64": (at) => view.getFloat64(at, true),
  }[`${code}-${bits}`];
  if (!read || !channels) return null;
  const width = bits / 8;
  const length = Math.floor(size / (width * channels));
  const found = Array.from({ length: channels }, () => new Float32Array(length));
  for (let i = 0, at = start; i < length; i++) {
    for (let c = 0; c < channels; c++, at += width) found[c][i] = read(at);
  }
  return { channels: found, rate };
}

/**
 * Windows of a recording, side by side: { start, samples } or { start, reason } where one cannot be used.
 *
 * The last one may be 1 % short; zeros are added then.
 */
export function* windows({ channels, rate }, seconds) {
  const wanted = Math.round(seconds * rate);
  const length = channels[0].length;
  for (let number = 0; ; number++) {
    const start = number * seconds;
    const begin = Math.round(start * rate);
    if (begin + wanted - length > wanted * SHORT || begin >= length) return;
    yield { start, ...oneChannel(channels.map((c) => c.subarray(begin, begin + wanted)), wanted) };
  }
}

/** One channel of `wanted` samples: { samples }, or { reason } where the sound cannot be used. */
export function oneChannel(channels, wanted) {
  let low = Infinity;
  let high = -Infinity;
  for (const channel of channels) {
    for (const x of channel) {
      if (!Number.isFinite(x)) return { reason: "samples that are no numbers" };
      low = Math.min(low, x);
      high = Math.max(high, x);
    }
  }
  if (Math.max(high, -low) > FULL_SCALE) return { reason: "samples far beyond full scale" };
  const mono = toMono(channels);
  if (mono.every((x) => x === mono[0])) return { reason: "silence" };
  const samples = new Float32Array(wanted);
  samples.set(mono.subarray(0, wanted));
  return { samples };
}

/** The mean of the channels, without dead ones; the first one where two are nearly opposite. */
export function toMono(channels) {
  if (channels.length === 1) return channels[0];
  const means = channels.map((c) => c.reduce((sum, x) => sum + x, 0) / c.length);
  const product = (a, b) => {
    let sum = 0;
    for (let i = 0; i < channels[a].length; i++) sum += (channels[a][i] - means[a]) * (channels[b][i] - means[b]);
    return sum;
  };
  const all = channels.map((_, c) => c);
  const power = all.map((c) => product(c, c));
  const live = all.filter((c) => power[c] > 0 && power[c] >= DEAD * Math.max(...power));
  const opposite = (a, b) => product(a, b) / Math.sqrt(power[a] * power[b]) < OPPOSITE;
  const used = live.some((a) => live.some((b) => b > a && opposite(a, b))) ? live.slice(0, 1) : live.length ? live : all;
  if (used.length === 1) return channels[used[0]];
  // In single precision, as numpy adds them.
  return channels[0].map((_, i) => Math.fround(used.reduce((sum, c) => Math.fround(sum + channels[c][i]), 0)) / used.length);
}
