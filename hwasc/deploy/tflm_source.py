"""A quantized student as C++ source for firmware: the .tflite as an aligned array, the numbers around it, its operators.

Three ASCII files: `model.h`, `model_data.cc`, `op_resolver.h`. All contain the same tag, so that files of different exports do
not compile together.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from hwasc import __version__
from hwasc.cost import graph as deployment
from hwasc.cost import persistent
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.deploy import tflite
from hwasc.deploy.flatfile import read_contents
from hwasc.deploy.tflite import Planner
from hwasc.errors import UsageError
from hwasc.models.student import Student
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.training_clips import FILE as CLIPS
from hwasc.records.training_clips import ClipsReference, TrainingClips

MARK = "// Written by hwasc; do not edit, export again.\n"
HEADER, DATA, RESOLVER = "model.h", "model_data.cc", "op_resolver.h"
FILES = (DATA, RESOLVER, HEADER)
ADD = {  # schema name -> method of tflite::MicroMutableOpResolver
    "CONV_2D": "AddConv2D",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "MEAN": "AddMean",
    "ADD": "AddAdd",
    "MUL": "AddMul",
    "DIV": "AddDiv",
    "MAXIMUM": "AddMaximum",
    "RSQRT": "AddRsqrt",
}
BYTES_A_LINE = 20

USAGE = """\
// An int8 classifier of acoustic scenes for TensorFlow Lite Micro. Compile model_data.cc (C++11 or later) and run it so:
//
//   #include "model.h"
//   #include "op_resolver.h"
//   #include "tensorflow/lite/micro/micro_interpreter.h"
//
//   alignas(16) static uint8_t arena[hwasc::kArenaBytes];
//   static hwasc::OpResolver resolver;                        // once: hwasc::RegisterOperators(resolver)
//   static tflite::MicroInterpreter interpreter(tflite::GetModel(hwasc_model), resolver, arena, hwasc::kArenaBytes);
//   interpreter.AllocateTensors();                            // once; both return kTfLiteOk
//
//   interpreter.input(0)->data.int8[mel * hwasc::kFrames + frame]
//       = clamp(round(x / hwasc::kInputScale) + hwasc::kInputZeroPoint, -128, 127), x the log-mel of the front end below
//   interpreter.Invoke();
//   (interpreter.output(0)->data.int8[i] - hwasc::kOutputZeroPoint) * hwasc::kOutputScale is the logit of kClassNames[i]
"""


def export(
    model: Student,
    folder: Path,
    classes: tuple[str, ...],
    planner: Planner = "greedy",
    *,
    clips: TrainingClips | None = None,
) -> Path:
    """Write the source files. The same weights give the same bytes; each file is written atomically.

    Args:
        model: A quantized student.
        folder: Folder to write.
        classes: Scenes in the order of the logits.
        planner: Planner of the memory plan, as for the .tflite file.
        clips: The recordings that it was trained on and chosen by; the header names the record.

    Returns:
        The folder.

    Raises:
        UsageError: The path is a file, or a folder with files that are no export's.
    """
    _refuse_foreign(folder)
    files = to_texts(model, classes, planner, clips=clips)
    for name in FILES:
        schema.write_whole(folder / name, files[name])
    return folder


class SourceExporter:
    """Format `tflm`, a folder.

    Attributes:
        suffix: None: it is a folder.
        planners: Memory plans of the file in it.
    """

    suffix: str = ""
    planners: tuple[Planner, ...] = ("greedy", "offline")

    def export(
        self,
        model: Student,
        out: Path,
        classes: tuple[str, ...],
        planner: Planner,
        *,
        clips: TrainingClips | None = None,
    ) -> Path:
        """See `Exporter`."""
        return export(model, out, classes, planner, clips=clips)


EXPORTER = SourceExporter()


def to_texts(
    model: Student, classes: tuple[str, ...], planner: Planner = "greedy", *, clips: TrainingClips | None = None
) -> dict[str, str]:
    """Make the source files.

    Args:
        model: A quantized student.
        classes: Scenes in the order of the logits.
        planner: Planner of the memory plan.
        clips: The recordings that it was trained on and chosen by.

    Returns:
        Texts by file name.
    """
    content = tflite.to_bytes(model, classes, planner, clips=clips)
    digest = hashlib.sha256(content).hexdigest()
    trained = clips.reference if clips else None
    header = _header(model.architecture, content, digest, planner, trained=trained)
    return {HEADER: header, DATA: _data(content, digest, classes), RESOLVER: _resolver(content, digest)}


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder}: is a file, but the C source is a folder; name another --out")
    for path in sorted(folder.iterdir()):
        if path.name == CLIPS and path.is_file():
            continue
        if path.name not in FILES or not path.is_file() or not path.read_bytes().startswith(MARK.encode()):
            raise UsageError(f"{folder}: holds {path.name}, which is no part of an export; name a new folder")


def _header(a: Architecture, content: bytes, digest: str, planner: Planner, *, trained: ClipsReference | None) -> str:
    fe, found = a.front_end, read_contents(content)
    graph = deployment.build(a)
    plan = plan_offline(graph) if planner == "offline" else plan_greedy(graph)
    tail, arena = persistent.tail(a), persistent.arena(a, plan.head)
    loading = _loading(plan.head + tail, arena)
    clips = (
        f"// trained on {trained.train} and chosen by {trained.validation} recordings, digest {trained.digest}: {CLIPS}\n"
        if trained
        else ""
    )
    return f"""\
{MARK}//
{USAGE}//
// architecture {a.id}, hwasc {__version__}
// sha256 of the model {digest}
{clips}
#ifndef HWASC_MODEL_H_
#define HWASC_MODEL_H_

#include <cstddef>
#include <cstdint>

namespace hwasc {{

constexpr std::uint32_t kModelTag = {_tag(digest)};  // the same in all three files
constexpr std::size_t kModelBytes = {len(content)};  // flash

// RAM, with the reference kernels of {persistent.MEASURED_WITH}.
// Head, {plan.head}: activations and scratch, exact under the {plan.planner} plan.
// Tail, {tail}: the interpreter's structs, exact on 64-bit hosts, an upper bound where pointers are narrower.
{loading}// Other kernels (CMSIS-NN, ESP-NN) may ask for scratch of their own: give more; see arena_used_bytes().
constexpr std::size_t kArenaBytes = {arena};

// The int8 ends: real value = scale * (stored - zero point). Input: mels x frames, a mel band's frames side by side.
constexpr int kMels = {fe.mels};
constexpr int kFrames = {fe.frames};
constexpr float kInputScale = {_float(found.input[0])};
constexpr int kInputZeroPoint = {found.input[1]};
constexpr int kClasses = {a.classes};
constexpr float kOutputScale = {_float(found.output[0])};
constexpr int kOutputZeroPoint = {found.output[1]};

// The front end: {tflite.FRONT_END}.
// Waveform at full scale 1; natural logarithm; filters of unit area; the first kFrames frames of the clip.
constexpr int kSampleRate = {fe.sample_rate};  // Hz
constexpr float kClipSeconds = {_float(fe.seconds)};
constexpr int kClipSamples = {fe.samples};
constexpr int kFftSize = {fe.n_fft};
constexpr int kWindow = {fe.window};  // samples, periodic, in the middle of the FFT
constexpr int kHop = {fe.hop};  // samples
constexpr float kMinHz = {_float(fe.f_min)};  // the lowest band begins, the highest ends
constexpr float kMaxHz = {_float(fe.f_max)};
constexpr float kLogOffset = {_float(fe.log_offset)};
constexpr float kMean = {_float(fe.mean)};
constexpr float kStd = {_float(fe.std)};

extern const char* const kClassNames[kClasses];  // UTF-8

}}  // namespace hwasc

extern const unsigned char hwasc_model[];  // the .tflite file, aligned to 16 bytes
extern const std::size_t hwasc_model_size;

#endif  // HWASC_MODEL_H_
"""


def _loading(persistent: int, arena: int) -> str:
    if arena - persistent < 16:
        return ""
    return f"// Loading takes more than these {persistent}: the memory planner's own records, a bound.\n"


def _data(content: bytes, digest: str, classes: tuple[str, ...]) -> str:
    lines = [content[i : i + BYTES_A_LINE] for i in range(0, len(content), BYTES_A_LINE)]
    array = "\n".join("".join(f"0x{byte:02x}," for byte in line) for line in lines)
    names = "\n".join(f"    {_string(name)}," for name in classes)
    return f"""\
{MARK}
#include "{HEADER}"

{_check(digest, DATA)}
alignas(16) const unsigned char hwasc_model[] = {{
{array}
}};
static_assert(sizeof(hwasc_model) == hwasc::kModelBytes, "{DATA} is cut off; export again");
const std::size_t hwasc_model_size = sizeof(hwasc_model);

const char* const hwasc::kClassNames[hwasc::kClasses] = {{
{names}
}};
"""


def _resolver(content: bytes, digest: str) -> str:
    codes = read_contents(content).codes
    calls = "\n".join(f"  if (resolver.{ADD[code]}() != kTfLiteOk) return kTfLiteError;" for code in codes)
    return f"""\
{MARK}
#ifndef HWASC_OP_RESOLVER_H_
#define HWASC_OP_RESOLVER_H_

#include "{HEADER}"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

{_check(digest, RESOLVER)}
namespace hwasc {{

using OpResolver = tflite::MicroMutableOpResolver<{len(codes)}>;

// Registers the operators that the model uses, and no others; kTfLiteOk, or kTfLiteError when called twice.
inline TfLiteStatus RegisterOperators(OpResolver& resolver) {{
{calls}
  return kTfLiteOk;
}}

}}  // namespace hwasc

#endif  // HWASC_OP_RESOLVER_H_
"""


def _check(digest: str, name: str) -> str:
    return f'static_assert(hwasc::kModelTag == {_tag(digest)}, "{HEADER} and {name} are of different exports");\n'


def _tag(digest: str) -> str:
    return f"0x{digest[:8]}u"


def _float(value: float) -> str:
    """The shortest literal of the nearest float32."""
    return f"{np.float32(value)!s}f"


def _string(text: str) -> str:
    """A C string literal in ASCII: whatever could end it, continue a line or begin a trigraph is escaped.

    Three octal digits each, because a hexadecimal escape would run on into the next character.
    """
    escaped = (
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode(errors="replace")
    )
    return f'"{"".join(escaped)}"'
