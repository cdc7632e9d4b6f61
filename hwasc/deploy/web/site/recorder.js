// Runs beside the page, in the audio thread: sends it what the microphone hears, the mean of its channels.

const BLOCK = 2048; // samples of a message

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(BLOCK);
    this.filled = 0;
  }

  process([channels]) {
    for (let i = 0; i < (channels[0]?.length ?? 0); i++) {
      this.block[this.filled++] = channels.reduce((sum, c) => sum + c[i], 0) / channels.length;
      if (this.filled === BLOCK) {
        this.port.postMessage(this.block.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
