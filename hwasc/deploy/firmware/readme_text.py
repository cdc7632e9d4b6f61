"""The text of an exported folder's README.md, with places for this model's numbers."""

from __future__ import annotations

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

`src/scene.h` is the whole interface. A decision is made after {needed} ms and then each {hop} ms, for the last
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
| tables of the net | {weights:,} |
| tables of the front end | {tables:,} |
| code on a {core}, about | {code:,} |

{instructions}Stack and code are of GCC 12 with -O2; the stack is the largest of Cortex-M0+ to M55.
`hwasc profile --emulate` counts instructions layer by layer; `hwasc bench firmware` measures all of it in an emulator.
`selftest/` is not part of the library.

## The model

| | |
|---|---|
| scenes | {classes} |
| log-mel | {mels} bands x {frames} frames; FFT {n_fft}, window {window}, {frame_hop} samples from frame to frame, {arithmetic} |
| frequencies | {f_min:g} to {f_max:g} Hz |
| in order | {parts} |
| net | int8, {macs:,} multiply-accumulates a clip, rows of {axis} |
| decisions | each {decision_hop:,} samples ({frames_a_decision} frames) |

`scene.json` lists the files with their hashes, `student.safetensors` is the student itself. hwasc reads both to measure this
folder: `hwasc evaluate --model FOLDER --data DATA`. The firmware needs neither. Files of two exports do not compile together.
"""
INSTRUCTIONS = """\
| instructions a clip on a {core}, estimated | |
|---|---:|
| log-mel of {frames} frames | {of_front_end:,} |
| net | {of_net:,} |

"""
