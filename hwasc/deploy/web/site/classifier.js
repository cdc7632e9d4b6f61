// The student in ONNX Runtime, from samples to logits.

import * as ort from "./onnxruntime/ort.wasm.bundle.min.mjs";
import { LogMel } from "./logmel.js";
import { oneChannel, resample, SoundError } from "./sound.js";

/** Load the model that lies beside this file. */
export async function openClassifier() {
  // One thread: several need headers of the server that not every server sends.
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { wasm: new URL("onnxruntime/ort-wasm-simd-threaded.wasm", import.meta.url).href };
  const [model, tables, net] = await Promise.all([
    load("model.json").then((r) => r.json()),
    load("front_end.bin").then((r) => r.arrayBuffer()),
    load("student.onnx").then((r) => r.arrayBuffer()),
  ]);
  const session = await ort.InferenceSession.create(net, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "disabled", // fusions change integer results
    logSeverityLevel: 3, // errors
  });
  return new Classifier(model, littleEndian(tables), session);
}

export class Classifier {
  constructor(model, tables, session) {
    this.model = model;
    this.logMel = new LogMel(model.front_end, model.filters, tables);
    this.session = session;
  }

  get classes() {
    return this.model.classes;
  }

  get rate() {
    return this.model.front_end.sample_rate;
  }

  get seconds() {
    return this.model.front_end.seconds;
  }

  /**
   * Classify a clip: { logits, probabilities, features }, the features (mels, frames) as the student gets them.
   *
   * `samples` are of the model's rate, one channel, full scale 1, as many as a clip has.
   */
  async run(samples) {
    const { mels, frames } = this.model.front_end;
    const features = this.logMel.compute(samples);
    const tensor = new ort.Tensor("float32", features, [1, 1, mels, frames]);
    const found = await this.session.run({ logmel: tensor });
    const logits = Float32Array.from(found.logits.data);
    return { logits, probabilities: softmax(logits), features };
  }

  /**
   * Classify samples of one channel and of any rate, at least a clip of them; the last ones count.
   *
   * Throws a SoundError where they cannot be used.
   */
  async classify(samples, rate) {
    const wanted = Math.round(this.seconds * rate);
    if (samples.length < wanted) throw new SoundError(`it is shorter than ${this.seconds} s`);
    const resampled = await resample(samples.slice(-wanted), rate, this.rate, this.logMel.samples);
    const found = oneChannel([resampled], this.logMel.samples);
    if (found.reason) throw new SoundError(found.reason);
    return this.run(found.samples);
  }
}

export function softmax(logits) {
  const greatest = Math.max(...logits);
  const powers = Array.from(logits, (x) => Math.exp(x - greatest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / sum);
}

async function load(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name}: the server answers ${answer.status}`);
  return answer;
}

function littleEndian(buffer) {
  const view = new DataView(buffer);
  return Float32Array.from({ length: buffer.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
