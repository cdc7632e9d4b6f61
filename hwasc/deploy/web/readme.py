"""README.md of an export as a page."""

from __future__ import annotations

from hwasc import __version__
from hwasc.records.architecture import Architecture

TEMPLATE = """\
# An acoustic scene classifier as a page

From the microphone or a recording to one of {count} scenes: {classes}. Written by hwasc {version}, architecture `{id}`.

## Use it

    python -m http.server --bind 127.0.0.1

Run this here and open the address that it prints. Any web server that sends files will do; no special headers are needed.
Browsers give the microphone only to pages that come over https or from localhost. A page that is opened as a file cannot load its
parts.

The page asks for nothing from elsewhere and sends nothing; its content security policy forbids both.

## What is here

| file | content |
|---|---|
| `index.html`, `style.css`, `icon.svg`, `app.js`, `timeline.js`, `raster.js` | the page and its pictures |
| `classifier.js` | the student in ONNX Runtime, from samples to logits |
| `logmel.js`, `fft.js` | the log-mel of training |
| `sound.js`, `microphone.js`, `recorder.js` | recordings and the microphone |
| `student.onnx` | the int8 student |
| `model.json`, `front_end.bin` | scenes, log-mel, its window and filters |
| `onnxruntime/` | two files of the npm package onnxruntime-web {runtime}, unchanged (Microsoft, MIT licence) |
| `model_card.md` | data, figures and limits, where the distillation wrote a card |
| `clips.json` | which recordings the student was trained on, where that is known |
| `export.json` | the SHA-256 of each file |

## In a page of your own

    import {{ openClassifier }} from "./classifier.js";
    const classifier = await openClassifier();
    const {{ logits, probabilities }} = await classifier.classify(samples, rate); // Float32Array of one channel, full scale 1

It classifies the last {seconds:g} s of the samples. Other rates than {rate:,} Hz are resampled by the browser.
"""


def readme_text(architecture: Architecture, classes: tuple[str, ...], runtime: str) -> str:
    """Write the README.

    Args:
        architecture: The student's.
        classes: Scenes in the order of the logits.
        runtime: Version of onnxruntime-web.

    Returns:
        Markdown.
    """
    front_end = architecture.front_end
    return TEMPLATE.format(
        count=len(classes),
        classes=", ".join(classes),
        version=__version__,
        id=architecture.id,
        runtime=runtime,
        seconds=front_end.seconds,
        rate=front_end.sample_rate,
    )
