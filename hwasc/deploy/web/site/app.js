// The page: sound from the microphone or a file goes through the classifier; decisions and pictures come out.

import { openClassifier } from "./classifier.js";
import { Microphone } from "./microphone.js";
import { decode, SoundError, windows } from "./sound.js";
import { Timeline } from "./timeline.js";

const EVERY = 0.5; // seconds from decision to decision with the microphone, at most a clip
const REMEMBERED = 3; // seconds whose decisions are averaged with the microphone

const element = (id) => document.getElementById(id);
const readable = (scene) => scene.replaceAll("_", " ");
const kilohertz = (hertz) => `${+(hertz / 1000).toFixed(1)} kHz`;
const percent = (share) => `${(100 * share).toFixed(0)} %`;

let classifier;
let current = { stop: () => {} }; // what is classified now; another source stops it
let bars = [];
let announced = "";

async function start() {
  classifier = await openClassifier();
  describe(classifier.model);
  await classifier.run(new Float32Array(classifier.logMel.samples)); // the first clips take longer
  element("microphone").onclick = () => (current.microphone ? stop() : listen());
  element("choose").onclick = () => element("file").click();
  element("file").onchange = ({ target }) => {
    if (target.files[0]) classifyFile(target.files[0]);
    target.value = "";
  };
  document.ondragover = (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  };
  document.ondragleave = (event) => {
    if (!event.relatedTarget) document.body.classList.remove("over");
  };
  document.ondrop = (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    if (event.dataTransfer.files[0]) classifyFile(event.dataTransfer.files[0]);
  };
  for (const id of ["microphone", "choose"]) element(id).disabled = false;
  say("Ready.");
}

/** Fill in what depends on the model. */
function describe(model) {
  const names = model.classes.map(readable);
  element("summary").textContent = `A student of ${model.parameters.toLocaleString("en")} parameters that tells ${names.length} scenes apart.`;
  element("accuracy").textContent = model.accuracy ?? "";
  element("model").textContent =
    `Architecture ${model.architecture}, log-mel of ${model.front_end.mels} bands and ${model.front_end.frames} frames for ` +
    `clips of ${model.front_end.seconds} s at ${model.front_end.sample_rate.toLocaleString("en")} Hz, written by hwasc ` +
    `${model.hwasc}. It runs in ONNX Runtime Web ${model.onnxruntime_web}.`;
  element("card").hidden = !model.card;
  bars = names.map((name) => {
    const row = document.createElement("li");
    const [label, track, share] = ["span", "span", "span"].map((tag) => row.appendChild(document.createElement(tag)));
    label.textContent = name;
    track.className = "track";
    track.setAttribute("aria-hidden", "true");
    share.textContent = "–";
    element("bars").append(row);
    element("rows").append(Object.assign(document.createElement("li"), { textContent: name }));
    return { row, share, bar: track.appendChild(document.createElement("i")) };
  });
  element("highest").textContent = kilohertz(model.front_end.f_max);
  element("lowest").textContent = kilohertz(model.front_end.f_min);
  newTimeline(null);
}

function newTimeline(seconds) {
  const { mels, frames } = classifier.model.front_end;
  const elements = Object.fromEntries(["scenes", "spectrogram", "from", "to"].map((id) => [id, element(id)]));
  return new Timeline(elements, { mels, frames, classes: classifier.classes.length, clip: classifier.seconds, seconds });
}

/** Show the scene with the highest of some probabilities; a screen reader hears it when it changes. */
function decide(probabilities) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  const scene = readable(classifier.classes[best]);
  element("scene").textContent = scene;
  element("probability").textContent = percent(probabilities[best]);
  bars.forEach(({ row, share, bar }, i) => {
    row.classList.toggle("best", i === best);
    share.textContent = percent(probabilities[i]);
    bar.style.width = `${100 * probabilities[i]}%`;
  });
  if (announced !== scene) element("announcement").textContent = `Scene: ${scene}, ${percent(probabilities[best])}`;
  announced = scene;
}

const mean = (rows) => rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);

function say(text) {
  element("status").textContent = text;
  element("error").textContent = "";
}

function fail(text) {
  element("error").textContent = text;
}

function stop() {
  current.stop();
  current = { stop: () => {} };
  element("microphone").textContent = "Use the microphone";
  announced = "";
}

/** Classify a recording, clip by clip. */
async function classifyFile(file) {
  stop();
  let stopped = false;
  current = { stop: () => (stopped = true) };
  say(`Reading ${file.name} …`);
  try {
    const sound = await decode(await file.arrayBuffer(), classifier.rate);
    const seconds = sound.channels[0].length / sound.rate;
    const timeline = newTimeline(seconds);
    const decisions = [];
    const skipped = [];
    let busy = 0;
    for (const { start, samples, reason } of windows(sound, classifier.seconds)) {
      if (stopped) return;
      if (reason) {
        skipped.push(reason);
        continue;
      }
      const before = performance.now();
      const found = await classifier.run(samples);
      busy += performance.now() - before;
      decisions.push(found.probabilities);
      timeline.add(start, found);
      if (decisions.length % 10 === 0) {
        decide(mean(decisions));
        say(`${file.name}: ${(start + classifier.seconds).toFixed(0)} of ${seconds.toFixed(0)} s`);
        await new Promise((resume) => setTimeout(resume)); // lets the page draw and answer
      }
    }
    if (!decisions.length) throw new SoundError(skipped[0] ?? `it is shorter than ${classifier.seconds} s`);
    decide(mean(decisions));
    const left = skipped.length ? `; ${skipped.length} could not be used (${skipped[0]})` : "";
    say(
      `${file.name}: ${decisions.length} ${decisions.length === 1 ? "clip" : "clips"}${left}. The scene is that of the mean ` +
        `probability. ${(busy / decisions.length).toFixed(0)} ms a clip on this device.`,
    );
  } catch (error) {
    if (stopped) return;
    say("");
    fail(`${file.name}: ${error instanceof SoundError ? error.message : `something went wrong (${error.message})`}`);
  }
}

/** Classify what the microphone hears, until it is stopped. */
async function listen() {
  stop();
  const here = { microphone: true, stop: () => {} };
  current = here;
  say("Waiting for the microphone …");
  let microphone;
  try {
    microphone = await Microphone.open(classifier.seconds);
  } catch (error) {
    stop();
    say("");
    return fail(error instanceof SoundError ? error.message : `The microphone does not work (${error.message}).`);
  }
  if (current !== here) return microphone.close();
  const every = Math.min(EVERY, classifier.seconds);
  const timeline = newTimeline(null);
  const remembered = [];
  let busy = false;
  const timer = setInterval(async () => {
    if (busy || !microphone.ready) return;
    busy = true;
    try {
      const before = performance.now();
      const start = microphone.seconds - classifier.seconds;
      const found = await classifier.classify(microphone.held, microphone.rate);
      if (current !== here) return;
      timeline.add(start, found);
      remembered.push(found.probabilities);
      if (remembered.length * every > Math.max(REMEMBERED, classifier.seconds)) remembered.shift();
      decide(mean(remembered));
      say(`Listening; a decision each ${every} s, the mean of ${remembered.length}. ${(performance.now() - before).toFixed(0)} ms a decision.`);
    } catch (error) {
      say(`Listening: ${error.message}.`);
    } finally {
      busy = false;
    }
  }, 1000 * every);
  here.stop = () => {
    clearInterval(timer);
    microphone.close();
    say("The microphone is off.");
  };
  element("microphone").textContent = "Stop the microphone";
  say("Listening …");
}

start().catch((error) => {
  say("");
  fail(`The model could not be loaded: ${error.message}`);
});
