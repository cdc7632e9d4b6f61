// The microphone: samples of one channel at the rate of the browser, the last seconds of them.

import { SoundError } from "./sound.js";

const REASONS = {
  NotAllowedError: "The browser or you refused the microphone. Allow it for this page, then try again.",
  NotFoundError: "There is no microphone.",
  NotReadableError: "Another program holds the microphone.",
};

export class Microphone {
  /** Ask for the microphone. Throws a SoundError that says why there is none. */
  static async open(seconds) {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new SoundError("Browsers give the microphone only to pages that come over https or from localhost.");
    }
    let stream;
    try {
      // What calls need changes the sound of the place.
      const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      throw new SoundError(REASONS[error.name] ?? `The microphone does not answer (${error.name}).`);
    }
    const context = new AudioContext();
    try {
      await context.resume();
      await context.audioWorklet.addModule(new URL("recorder.js", import.meta.url));
      return new Microphone(stream, context, seconds);
    } catch (error) {
      release(stream);
      throw error;
    }
  }

  constructor(stream, context, seconds) {
    this.stream = stream;
    this.context = context;
    this.rate = context.sampleRate;
    this.held = new Float32Array(Math.round(seconds * this.rate));
    this.received = 0; // samples so far
    this.recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
    this.recorder.port.onmessage = ({ data }) => this.push(data);
    context.createMediaStreamSource(stream).connect(this.recorder);
  }

  push(block) {
    this.held.copyWithin(0, block.length);
    this.held.set(block, this.held.length - block.length);
    this.received += block.length;
  }

  /** Seconds of sound so far. */
  get seconds() {
    return this.received / this.rate;
  }

  /** Whether there is a whole clip. */
  get ready() {
    return this.received >= this.held.length;
  }

  async close() {
    release(this.stream);
    await this.context.close();
  }
}

function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}
