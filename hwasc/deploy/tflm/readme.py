"""README.md of an export for TensorFlow Lite Micro: what the model is, what it needs, how to build and to call it."""

from __future__ import annotations

from collections.abc import Sequence

from hwasc import __version__
from hwasc.cost.firmware_front_end import Arithmetic, front_end_bytes, front_end_flash
from hwasc.cost.graph import Graph
from hwasc.deploy.firmware.front_end_text import front_end_text
from hwasc.deploy.tflm.arena_sizes import REFERENCE, ArenaSize
from hwasc.deploy.tflm.model_header import constant
from hwasc.deploy.tflm.programs import named
from hwasc.records.architecture import Architecture

TEMPLATE = """\
# An acoustic scene classifier for TensorFlow Lite Micro

From the int16 samples of a clip to one of {count} scenes: {classes}. Written by hwasc {version}, architecture `{id}`.

## Use it

`student.h` has the lines that run the model, `example/main.cc` is a whole program. It needs:

- TensorFlow Lite Micro with its headers, built with `-DTF_LITE_STATIC_MEMORY`. Define the same for your files: without it structs
  differ, and a program crashes at the first input. The export refuses to compile then.
- C++17 for the file that includes `student_operators.h`; C++11 for `student_model.cc`; C99 for `front_end/*.c`.
- `DebugLog` and `DebugVsnprintf`, through which it prints (its `debug_log.h`). Most ports have both.
- `CMSIS_NN` defined for your files too where it is built with CMSIS-NN: then only kernels for int8 are linked.

With CMake: `add_subdirectory(student)`, then link the target `student`; `CMakeLists.txt` says how it finds TensorFlow Lite Micro.
On this machine, with its headers in TFLM and its library libtensorflow-microlite.a:

    cmake -B build -D STUDENT_PROGRAMS=ON -D TFLM_INCLUDE=... -D TFLM_LIBRARY=.../libtensorflow-microlite.a
    cmake --build build
    ctest --test-dir build                      # the self-test: pass, or the first difference
    build/student_example < samples.raw         # int16, one channel, {rate} Hz

All names carry the model's, so that several exports fit one program. Files of two exports do not compile together.

## What it needs

| RAM: the arena, bytes | constant | head | arena |
|---|---|---:|---:|
{arenas}

`kArenaBytes` is {chosen}. The head is exact; the rest was found within 16 B on 32-bit chips, which are added. The front end takes
{front_end:,} B (`kFrontEndBytes`) while features are computed, and a clip of samples {samples:,} B.

| flash | bytes |
|---|---:|
| the model file | {model:,} |
| tables of the front end | {tables:,} |

The net has {macs:,} multiply-accumulates a clip. The C export (`hwasc export --format c`) runs the same net in less memory and
without TensorFlow Lite Micro, and computes features as samples arrive.

## The model

| | |
|---|---|
| scenes | {classes} |
| clip | {samples_clip:,} samples at {rate} Hz |
| log-mel | {mels} bands x {frames} frames; FFT {n_fft}, window {window}, {hop} samples from frame to frame, {arithmetic} |
| frequencies | {f_min:g} to {f_max:g} Hz |
| in order | {parts} |

Samples are as the microphone gives them, full scale 32768: a gain that training did not have changes the result. The log-mel is
that of training, at the clip's ends too.
"""


def readme_text(
    architecture: Architecture,
    graph: Graph,
    classes: tuple[str, ...],
    sizes: Sequence[ArenaSize],
    *,
    name: str,
    kernels: str | None,
    arithmetic: Arithmetic,
    bytes_of_model: int,
) -> str:
    """Write the README.

    Args:
        architecture: The student's.
        graph: The graph of its file.
        classes: Scenes in the order of the logits.
        sizes: Of the arena.
        name: Of the model.
        kernels: Those that the arena is for; None: the header finds out.
        arithmetic: Of the log-mel.
        bytes_of_model: Size of the model file.

    Returns:
        The text, in ASCII.
    """
    fe = architecture.front_end
    rows = [
        f"| {'reference kernels' if s.kernels == REFERENCE else f'CMSIS-NN, {s.kernels}'} | `{constant(s.kernels)}` "
        f"| {s.head:,} | {s.arena:,} |"
        for s in sizes
    ]
    text = named(TEMPLATE, name).format(
        count=len(classes),
        classes=", ".join(" ".join(c.split()) for c in classes),
        version=__version__,
        id=architecture.id,
        rate=fe.sample_rate,
        arenas="\n".join(rows),
        chosen=f"`{constant(kernels)}`, as exported" if kernels else "chosen by the compiler (`CMSIS_NN` and the core)",
        front_end=front_end_bytes(fe, arithmetic),
        samples=2 * fe.samples,
        samples_clip=fe.samples,
        model=bytes_of_model,
        tables=front_end_flash(fe, arithmetic),
        macs=sum(op.macs for op in graph.operators),
        mels=fe.mels,
        frames=fe.frames,
        n_fft=fe.n_fft,
        window=fe.window,
        hop=fe.hop,
        arithmetic="single precision" if arithmetic == "float" else "integers only",
        f_min=fe.f_min,
        f_max=fe.f_max,
        parts=front_end_text(fe),
    )
    return text.encode("ascii", "backslashreplace").decode()
