"""The model's header: sizes of the arena, scales and zero points, the front end, names of the classes; how to run it all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwasc import __version__
from hwasc.cost.firmware_front_end import Arithmetic, front_end_bytes
from hwasc.cost.memory import Plan
from hwasc.cost.persistent import ERROR, MEASURED_WITH
from hwasc.deploy.firmware.front_end_text import front_end_text
from hwasc.deploy.flatfile import Contents
from hwasc.deploy.tflm.arena_sizes import REFERENCE, ArenaSize
from hwasc.deploy.tflm.programs import named
from hwasc.records.architecture import Architecture
from hwasc.records.training_clips import FILE as CLIPS
from hwasc.records.training_clips import ClipsReference

MARK = "// Written by hwasc; do not edit, export again.\n"
USAGE = """\
// An int8 classifier of acoustic scenes for TensorFlow Lite Micro, from the samples of a clip to its class.
// Build TensorFlow Lite Micro and your program with -DTF_LITE_STATIC_MEMORY, and the file that includes student_operators.h as
// C++17; compile student_model.cc and front_end/*.c with it. example/main.cc is a whole program. In short:
//
//   #include "student.h"
//   #include "student_operators.h"
//   #include "tensorflow/lite/micro/micro_interpreter.h"
//
//   alignas(16) static uint8_t arena[student::kArenaBytes];
//   alignas(8) static uint8_t front_end[student::kFrontEndBytes];         // free again after student_features
//   static student::OpResolver resolver;                                  // once: student::RegisterOperators(resolver)
//   static tflite::MicroInterpreter interpreter(tflite::GetModel(student::kModel), resolver, arena, sizeof(arena));
//   interpreter.AllocateTensors();                                        // once; both return kTfLiteOk
//
//   student_features(samples, front_end, interpreter.input(0)->data.int8);      // int16 samples[student::kClipSamples]
//   interpreter.Invoke();
//   (interpreter.output(0)->data.int8[i] - student::kOutputZeroPoint) * student::kOutputScale is the logit of kClassNames[i]
//
// TensorFlow Lite Micro prints through DebugLog and DebugVsnprintf (debug_log.h). If your port has neither, define both, or
// compile with -DTF_LITE_STRIP_ERROR_STRINGS and define an empty DebugLog.
"""


def model_header(
    architecture: Architecture,
    found: Contents,
    sizes: Sequence[ArenaSize],
    plan: Plan,
    *,
    name: str,
    digest: str,
    bytes_of_model: int,
    kernels: str | None,
    arithmetic: Arithmetic,
    trained: ClipsReference | None,
) -> str:
    """Write the header.

    Args:
        architecture: The student's.
        found: What the model file says of its ends.
        sizes: Of the arena.
        plan: The memory plan of the file.
        name: Of the model.
        digest: SHA-256 of the model file.
        bytes_of_model: Size of the model file.
        kernels: Those that the arena is for; None: the header finds out.
        arithmetic: Of the log-mel.
        trained: The record of the recordings that it was trained on and chosen by.

    Returns:
        The text.
    """
    a, fe, guard = architecture, architecture.front_end, f"{name.upper()}_H_"
    log_mel = "\n// ".join(front_end_text(fe).split("; "))
    clips = (
        f"// trained on {trained.train} and chosen by {trained.validation} recordings, digest {trained.digest}: {CLIPS}\n"
        if trained
        else ""
    )
    return f"""\
{MARK}//
{named(USAGE, name)}//
// architecture {a.id}, hwasc {__version__}
// sha256 of the model {digest}
{clips}
#ifndef {guard}
#define {guard}

#include <cstddef>
#include <cstdint>

namespace {name} {{

constexpr std::uint32_t kModelTag = {tag(digest)};  // the same in all files of this export
constexpr std::size_t kModelBytes = {bytes_of_model};  // flash
alignas(16) extern const unsigned char kModel[kModelBytes];  // the .tflite file

{_arena(sizes, plan, kernels)}
// The int8 ends: real value = scale * (stored - zero point). Input: mels x frames, a mel band's frames side by side.
constexpr int kMels = {fe.mels};
constexpr int kFrames = {fe.frames};
constexpr float kInputScale = {float_literal(found.input[0])};
constexpr int kInputZeroPoint = {found.input[1]};
constexpr int kClasses = {a.classes};
constexpr float kOutputScale = {float_literal(found.output[0])};
constexpr int kOutputZeroPoint = {found.output[1]};

// The front end, as {name}_features computes it:
// {log_mel}.
// Waveform at full scale 1; the first kFrames frames of the clip.
constexpr int kSampleRate = {fe.sample_rate};  // Hz
constexpr float kClipSeconds = {float_literal(fe.seconds)};
constexpr int kClipSamples = {fe.samples};
constexpr int kFftSize = {fe.n_fft};
constexpr int kWindow = {fe.window};  // samples
constexpr int kHop = {fe.hop};  // samples
constexpr float kMinHz = {float_literal(fe.f_min)};  // the lowest band begins, the highest ends
constexpr float kMaxHz = {float_literal(fe.f_max)};
constexpr float kLogOffset = {float_literal(fe.log_offset)};
constexpr float kMean = {float_literal(fe.mean)};
constexpr float kStd = {float_literal(fe.std)};
constexpr std::size_t kFrontEndBytes = {front_end_bytes(fe, arithmetic)};  // RAM while features are computed

extern const char* const kClassNames[kClasses];  // UTF-8

}}  // namespace {name}

// Computes the features of a clip: kClipSamples samples of full scale 32768, one channel. `memory` has kFrontEndBytes bytes and
// is aligned to 8; `input` is the interpreter's input tensor.
extern "C" void {name}_features(const std::int16_t* samples, void* memory, std::int8_t* input);

#endif  // {guard}
"""


def tag(digest: str) -> str:
    """The number that all files of an export contain, as C++ has it.

    Args:
        digest: SHA-256 of the model file.

    Returns:
        The literal.
    """
    return f"0x{digest[:8]}u"


def float_literal(value: float) -> str:
    """The shortest literal of the nearest float32."""
    return f"{np.float32(value)!s}f"


def constant(kernels: str) -> str:
    """The name of the constant that holds a set's arena size.

    Args:
        kernels: The set.

    Returns:
        Such as `kArenaBytesCortexM4`.
    """
    return "kArenaBytes" + "".join(part.capitalize() for part in kernels.replace("+", "-plus").split("-"))


def _arena(sizes: Sequence[ArenaSize], plan: Plan, kernels: str | None) -> str:
    lines = [
        f"// RAM: the arena, under the {plan.planner} plan. Its head holds activations and kernel scratch, exact by the kernels'",
        f"// rules; its tail the interpreter's structs, found within {ERROR} bytes on 32-bit chips, which are on top here.",
        f"// On 64-bit hosts that of the reference kernels is exact, for {MEASURED_WITH}.",
    ]
    for size in sizes:
        value = str(size.arena) if size.on_host is None else f"sizeof(void*) > 4 ? {size.on_host} : {size.arena}"
        who = "the reference kernels" if size.kernels == REFERENCE else f"CMSIS-NN built for {size.kernels}"
        lines.append(f"constexpr std::size_t {constant(size.kernels)} = {value};  // {who}, head {size.head}")
    lines.append("// Other kernels (ESP-NN) may ask for scratch of their own: give more; see arena_used_bytes().")
    if kernels is not None:
        lines.append(f"constexpr std::size_t kArenaBytes = {constant(kernels)};  // as exported: --kernels {kernels}")
    else:
        lines += [
            "// No kernels were named at the export (--kernels). Where TensorFlow Lite Micro is built with CMSIS-NN, define",
            "// CMSIS_NN for your files too.",
            "#if !defined(CMSIS_NN)",
            f"constexpr std::size_t kArenaBytes = {constant(REFERENCE)};",
            "#elif defined(__ARM_FEATURE_MVE)",
            f"constexpr std::size_t kArenaBytes = {constant('cortex-m55')};",
            "#elif defined(__ARM_FEATURE_DSP)",
            f"constexpr std::size_t kArenaBytes = {constant('cortex-m4')};",
            "#else",
            f"constexpr std::size_t kArenaBytes = {constant('cortex-m0+')};",
            "#endif",
        ]
    return "\n".join(lines) + "\n"
