"""Compares the log-mel in C with the project's own on recordings, and counts its instructions; see log_mel.md.

`python log_mel.py RECORDINGS [STUDENT]`: a folder with .ogg or .wav files of 32 kHz, a .tflite file that hwasc wrote.
`python log_mel.py RECORDINGS NAME...`: front ends of published nets by name, and their instructions, instead of the project's own
sizes. Results are Markdown tables on standard output.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import torch

from hwasc.audio.frontend import LogMel
from hwasc.cost.firmware_front_end import Arithmetic, front_end_bytes, front_end_flash
from hwasc.deploy.firmware.emulator import count
from hwasc.deploy.firmware.front_end_numbers import front_end_numbers
from hwasc.deploy.firmware.front_end_tables import front_end_sources, front_end_tables
from hwasc.deploy.firmware.host import compile_host, run_host
from hwasc.deploy.firmware.toolchain import SOURCES, core
from hwasc.deploy.interpreter import Runtime
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import FRONT_ENDS, front_end, name_of

CLIPS = 6  # of a second, evenly spread over each recording
RATE = 32_000
SIZES = [
    *(FrontEnd.for_clip(40, 33, window=w, n_fft=n) for w, n in ((512, 512), (1024, 1024), (2048, 2048), (2048, 4096))),
    *(FrontEnd.for_clip(m, t, window=3072, n_fft=4096) for m, t in ((40, 33), (256, 64))),
    *(FrontEnd.for_clip(40, 33, 1.0, 16_000, window=w, n_fft=w) for w in (512, 1024)),
]
CORES: dict[str, Arithmetic] = {
    "cortex-m4": "float",
    "cortex-m55": "float",
    "cortex-m3": "integer",
    "cortex-m0+": "integer",
}
MAIN = r"""
#include <stdio.h>
#include "scene_logmel.h"

int main(void) {
    static int16_t clip[SCENE_CLIP];
    static uint64_t memory[SCENE_FRONT_END_BYTES / 8];
    static VALUE out[SCENE_MELS];
    while (fread(clip, sizeof clip, 1, stdin) == 1)
        for (int t = 0; t < SCENE_FRAMES; t++) {
            const int begin = t * SCENE_HOP - SCENE_BEFORE, last = SCENE_CLIP - SCENE_SPAN;
            const int ring = begin < 0 ? 0 : begin < last ? begin : last, left = SCENE_CLIP - (SCENE_EMPHASIS == 1) - begin;
            const int start = begin < 0 ? SCENE_SPAN + begin : begin - ring, end = left < SCENE_WINDOW ? left : SCENE_WINDOW;
            scene_logmel_frame(clip + ring, (uint32_t)start, begin < 0 ? (uint32_t)-begin : 0, (uint32_t)end, memory, out);
            fwrite(out, sizeof *out, SCENE_MELS, stdout);
        }
    return 0;
}
"""
Samples = npt.NDArray[np.int16]
Values = npt.NDArray[np.float64]


def clips(folder: Path) -> Samples:
    """Clips of one second, (clips, 32,000)."""
    found = []
    for path in sorted([*folder.rglob("*.ogg"), *folder.rglob("*.wav")]):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        if rate != RATE:
            raise SystemExit(f"{path}: expected {RATE} Hz, found {rate}")
        begins = (np.arange(CLIPS) + 0.5) / CLIPS * (len(samples) - RATE)
        found += [samples[int(b) : int(b) + RATE, 0] for b in begins]
    return to_int16(np.stack(found))


def to_int16(waves: npt.NDArray[np.float32]) -> Samples:
    """Samples as a microphone's converter gives them."""
    return np.clip(np.rint(waves * 32_768), -32_768, 32_767).astype(np.int16)


def own(fe: FrontEnd, samples: Samples) -> Values:
    """The project's logarithms, (clips, frames, mels)."""
    parts = [LogMel(fe)(torch.from_numpy(part / np.float32(32_768))) for part in np.array_split(samples, 8)]
    return torch.cat(parts).transpose(1, 2).double().numpy() * fe.std + fe.mean


def header(fe: FrontEnd, arithmetic: Arithmetic) -> str:
    """What the log-mel reads of `scene_model.h`."""
    return "".join(f"#define SCENE_{name} {value}\n" for name, value in front_end_numbers(fe, arithmetic).items())


def files(fe: FrontEnd, arithmetic: Arithmetic, scale: float, zero_point: int) -> dict[str, str]:
    """All files of the log-mel by name."""
    sources = {name: (SOURCES / name).read_text() for name in front_end_sources(arithmetic)}
    tables = front_end_tables(fe, scale, zero_point, arithmetic)
    return {**sources, "scene_front_end_tables.c": tables, "scene_model.h": header(fe, arithmetic)}


def with_values(texts: dict[str, str], arithmetic: Arithmetic) -> dict[str, str]:
    """The same, but what comes out is not yet rounded: logarithms, or features in units of 2^-16."""
    name = f"scene_logmel_{arithmetic}.c"
    edits = {
        "float": [("static int8_t feature", "static float feature")],
        "integer": [("static int8_t feature", "static int32_t feature")],
    }[arithmetic]
    text = texts[name]
    if arithmetic == "integer":
        begin = text.index("    const int32_t rounded")
        end = text.index("}", begin)
        value = "value + scene_addends[SCENE_HEIGHT_OF(band)]"
        text = (
            f"{text[:begin]}    return SCENE_FLOOR && {value} < LEAST * 65536 ? LEAST * 65536 : {value};\n{text[end:]}"
        )
        text = text.replace("        return LEAST;", "        return LEAST * 65536;")
    else:
        begin = text.index("    if (value <= LEAST)")
        end = text.index("}", text.index("return value >= ", begin))
        text = f"{text[:begin]}    return SCENE_FLOOR && value < LEAST ? LEAST : value;\n{text[end:]}"
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    value = "float *out" if arithmetic == "float" else "int32_t *out"
    return {
        **texts,
        name: text.replace("int8_t *out", value),
        "scene_logmel.h": texts["scene_logmel.h"].replace("int8_t *out", value),
    }


def run(texts: dict[str, str], value: str, samples: Samples, fe: FrontEnd) -> npt.NDArray[np.generic]:
    """What a compiled log-mel gives for clips, (clips, frames, mels)."""
    with tempfile.TemporaryDirectory() as folder:
        flags = ("-O2", f"-DVALUE={value}", "-Wno-unused-function")
        program = compile_host({**texts, "main.c": MAIN}, [], Path(folder), flags=flags)
        out = run_host(program, samples.tobytes(), timeout=600)
    kind = {"int8_t": np.int8, "float": np.float32, "int32_t": np.int32}[value]
    return np.frombuffer(out, kind).reshape(len(samples), fe.frames, fe.mels)


def agreement(samples: Samples, front_ends: Sequence[FrontEnd]) -> Iterator[str]:
    """A row a front end and arithmetic: largest and mean difference, int8 features equal and one step apart."""
    for fe in front_ends:
        samples_in = samples
        if fe.sample_rate != RATE:
            samples_in = to_int16(soxr.resample(samples.T / np.float32(32_768), RATE, fe.sample_rate)[: fe.samples].T)
            samples_in = np.ascontiguousarray(samples_in)
        wanted = own(fe, samples_in)
        low, high = (np.float32((v - fe.mean) / fe.std) for v in (wanted.min(), wanted.max()))
        scale = float((high - low) / 255)
        zero_point = int(np.rint(-128 - low / scale))
        stored = np.clip(np.rint((wanted - fe.mean) / fe.std / scale) + zero_point, -128, 127)
        for arithmetic in ("float", "integer"):
            texts = files(fe, arithmetic, scale, zero_point)
            steps = np.abs(run(texts, "int8_t", samples_in, fe) - stored)
            exact = run(with_values(texts, arithmetic), "float" if arithmetic == "float" else "int32_t", samples_in, fe)
            exact = (exact / (2.0**16 if arithmetic == "integer" else 1) - zero_point) * scale * fe.std + fe.mean
            apart = np.abs(exact - wanted) * (1 if fe.log == "natural" else np.log(10) / 10)
            yield (
                f"| {name(fe)} | {arithmetic} | {apart.max():.1e} | {apart.mean():.1e} | {100 * np.mean(steps == 0):.4f} % "
                f"| {int(steps.max())} |"
            )


def scenes(samples: Samples, student: Path) -> Iterator[str]:
    """A row an arithmetic: clips of which a student names the same scene."""
    runtime = Runtime(student)
    fe, ends = runtime.architecture.front_end, runtime.input
    features = LogMel(fe)
    waves = np.array_split(samples / np.float32(32_768), 8)
    own_logits = np.concatenate([runtime.logits(features(torch.from_numpy(w))[:, None].numpy()) for w in waves])
    for arithmetic in ("float", "integer"):
        texts = files(fe, arithmetic, ends.scale, ends.zero_point)
        stored = run(texts, "int8_t", samples, fe).transpose(0, 2, 1)[:, None]
        logits = runtime.logits((stored.astype(np.float32) - ends.zero_point) * np.float32(ends.scale))
        same = int((logits.argmax(1) == own_logits.argmax(1)).sum())
        yield f"| {name(fe)} | {arithmetic} | {same} of {len(samples)} | {100 * np.mean(logits == own_logits):.2f} % |"
    runtime.close()


def name(fe: FrontEnd) -> str:
    """A front end in the first columns of a table."""
    published = name_of(fe)
    rate = f"{fe.sample_rate // 1000} kHz" + (f", {published}" if published and published != "hwasc" else "")
    return f"{rate} | {fe.mels} x {fe.frames} | {fe.window} | {fe.n_fft}"


def instructions(front_ends: Sequence[FrontEnd]) -> Iterator[str]:
    """A row a front end: instructions of a clip on each core, RAM and tables."""
    for fe in front_ends:
        millions = []
        for chip, arithmetic in CORES.items():
            with tempfile.TemporaryDirectory() as folder:
                source = Path(folder, "source")
                source.mkdir()
                for path, text in files(fe, arithmetic, 0.0173 if fe.log == "natural" else 0.5, -7).items():
                    (source / path).write_text(text)
                found = count("frame", sorted(source.glob("*.c")), core(chip), Path(folder, "build"), include=[source])
            millions.append(f"{found.instructions['frame'] * fe.frames / 1e6:.2f}")
        flash = front_end_flash(fe, "float")
        yield f"| {name(fe)} | {' | '.join(millions)} | {front_end_bytes(fe, 'float'):,} | {flash:,} |"


def main(recordings: Path, *rest: str) -> None:
    """Print the tables."""
    names = [name for name in rest if name in FRONT_ENDS]
    student = Path(rest[0]) if rest and not names else None
    front_ends = [front_end(name, 1.0) for name in names] or SIZES
    head = "| rate | bands x frames | window | FFT |"
    samples = clips(recordings)
    print(f"{len(samples)} clips\n\n{head} arithmetic | largest | mean | int8 equal | steps at most |\n|" + "---|" * 9)
    for line in agreement(samples, front_ends):
        print(line, flush=True)
    if student is not None:
        print(f"\n{head} arithmetic | same scene | equal logits |\n|" + "---|" * 7)
        for line in scenes(samples, student):
            print(line, flush=True)
    print(f"\n{head} {' | '.join(CORES)} | RAM | tables |\n|" + "---|" * (6 + len(CORES)))
    for line in instructions(front_ends):
        print(line, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
