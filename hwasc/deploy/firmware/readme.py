"""README.md of a C export: what this model is, what it needs, how to build and to call it."""

from __future__ import annotations

from hwasc import __version__
from hwasc.cost.firmware_front_end import front_end_flash
from hwasc.cost.firmware_latency import estimate_c
from hwasc.cost.firmware_rates import RATES
from hwasc.cost.firmware_state import StateBytes, samples_heard
from hwasc.cost.row_plan import RowPlan
from hwasc.deploy.firmware.options import FirmwareOptions
from hwasc.records.architecture import Architecture

INSTRUCTIONS = """\
| instructions a clip on a {core}, estimated | |
|---|---:|
| log-mel of {frames} frames | {of_front_end:,} |
| net | {of_net:,} |

"""
STACK = 1_200  # bytes; as tests/deploy/firmware/test_folder.py checks
CODE = 18_000  # bytes; on an M0+ with the compiler's floating point
STEPS = 70  # bytes of structs for an operator, about
TEMPLATE = """\
# An acoustic scene classifier in C

From int16 samples to one of {count} scenes: {classes}.
C99 without dependencies, without allocations and without global variables. Written by hwasc {version}, architecture `{id}`.

## Try it

On this machine, with CMake and any C compiler:

    cmake -B build
    cmake --build build
    ctest --test-dir build                      # the self-test: pass, or the first difference
    build/scene_host < recording.wav            # time in seconds, scene, logit; WAV of 16 bit at {rate} Hz, or raw int16

Without CMake: `cc -O2 -I src src/*.c example/host/main.c -lm -o scene_host`.

On an emulated Cortex-M (`apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm`):

    cmake -S example/cortex-m -B build-m4 -D CORE={core} -D CMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake
    cmake --build build-m4
    ctest --test-dir build-m4
    sh build-m4/run.sh < samples.raw            # int16, little-endian, one channel, {rate} Hz

## Use it

Add `src/` to your program, or this folder as a library: PlatformIO (`lib/`), Arduino (`libraries/`), ESP-IDF (`components/`),
Zephyr (`ZEPHYR_EXTRA_MODULES`, then `CONFIG_SCENE=y`), CMake (`add_subdirectory`, target `scene`).

    #include "scene.h"

    static scene_state state;                   // all of its memory

    scene_init(&state);
    for (;;) {{
        size_t n = read_microphone(samples, 256);               // yours: int16, {rate} Hz, one channel
        if (scene_push(&state, samples, n) > 0)                 // a decision was made
            puts(scene_class_name(scene_class(&state)));
    }}

`src/scene.h` is the whole interface. A decision is made after {heard} ms and then each {hop} ms, for the last
{clip} ms.{smoothing} Samples are as the microphone gives them, full scale 32768: a gain that training
did not have changes the result.

## What it needs

| RAM, bytes | |
|---|---:|
| samples{shared} | {audio:,} |
| features | {features:,} |
| scratch: of the front end ({front_end:,}) and of the net ({net:,}), which share it | {scratch:,} |
| counters, logits | {other:,} |
| **`sizeof(scene_state)`** | **{total:,}** |

The stack comes on top: at most {stack:,} bytes in `scene_push` (`-fstack-usage` tells yours).

| flash, bytes | |
|---|---:|
| the net's weights, biases and factors | {weights:,} |
| its steps, about | {steps:,} |
| tables of the front end | {tables:,} |
| code, at most | {code:,} |

{instructions}Stack and code are of GCC 12 with -O2, the largest of Cortex-M0+ to M55.
`hwasc profile --emulate` counts instructions layer by layer; `hwasc bench firmware` measures all of it in an emulator.
`selftest/` is not part of the library.

## The model

| | |
|---|---|
| scenes | {classes} |
| log-mel | {mels} bands x {frames} frames; FFT {n_fft}, window {window}, {frame_hop} samples from frame to frame, {arithmetic} |
| frequencies | {f_min:g} to {f_max:g} Hz |
| net | int8, {macs:,} multiply-accumulates a clip, rows of {axis} |
| decisions | each {decision_hop:,} samples ({frames_a_decision} frames) |

`scene.json` lists the files with their hashes, `student.safetensors` is the student itself. hwasc reads both to measure this
folder: `hwasc evaluate --model FOLDER --data DATA`. The firmware needs neither. Files of two exports do not compile together.
"""


def text(
    architecture: Architecture,
    classes: tuple[str, ...],
    options: FirmwareOptions,
    *,
    plan: RowPlan,
    state: StateBytes,
    front_end_bytes: int,
    decision_hop: int,
    net_flash: int,
    operators: tuple[int, int],
) -> str:
    """Write the README.

    Args:
        architecture: The student.
        classes: Scenes in the order of the logits.
        options: Of the export.
        plan: Of the net.
        state: RAM by part.
        front_end_bytes: Of the front end's scratch memory.
        decision_hop: Samples from decision to decision.
        net_flash: Bytes of the net's arrays.
        operators: How many the net has; multiply-accumulates.

    Returns:
        The text.
    """
    fe = architecture.front_end

    core = options.target or ("cortex-m4" if options.numbers == "float" else "cortex-m3")

    def milliseconds(samples: int) -> str:
        return f"{1000 * samples / fe.sample_rate:.4g}"

    return TEMPLATE.format(
        count=len(classes),
        classes=", ".join(" ".join(name.split()) for name in classes),
        version=__version__,
        id=architecture.id,
        rate=fe.sample_rate,
        core=core,
        stack=STACK,
        code=CODE,
        instructions=_instructions(architecture, core, options),
        heard=milliseconds(samples_heard(fe)),
        hop=milliseconds(decision_hop),
        clip=milliseconds(fe.samples),
        smoothing=f" A decision has {options.smoothing:.0%} of those before it (`SCENE_SMOOTHING`)."
        if options.share
        else "",
        shared="" if state.audio else " (a part of the scratch memory, since clips do not overlap)",
        audio=state.audio,
        features=state.features,
        front_end=front_end_bytes,
        net=plan.size,
        scratch=state.scratch,
        other=state.other,
        total=state.total,
        weights=net_flash,
        steps=STEPS * operators[0],
        tables=front_end_flash(fe, options.numbers),
        mels=fe.mels,
        frames=fe.frames,
        n_fft=fe.n_fft,
        window=fe.window,
        frame_hop=fe.hop,
        arithmetic="single precision" if options.numbers == "float" else "integers only",
        f_min=fe.f_min,
        f_max=fe.f_max,
        macs=operators[1],
        axis=plan.axis,
        decision_hop=decision_hop,
        frames_a_decision=decision_hop // fe.hop,
    )


def _instructions(architecture: Architecture, core: str, options: FirmwareOptions) -> str:
    """The table of instructions; empty for an arithmetic that was not counted on the core."""
    if f"frame/{options.numbers}" not in RATES[core]:
        return ""
    counts = estimate_c(architecture, core, 1, arithmetic=options.numbers)
    return INSTRUCTIONS.format(
        core=core,
        frames=architecture.front_end.frames,
        of_front_end=_rounded(counts.front_end),
        of_net=_rounded(counts.net),
    )


def _rounded(count: int) -> int:
    """To three digits: it is an estimate."""
    return int(float(f"{count:.3g}"))
