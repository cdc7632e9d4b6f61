"""Students for tests of the export for TensorFlow Lite Micro, and a stand-in for its headers: what the export's files need of it.

The stand-in's resolver counts, and refuses more than it has room for. Its interpreter has an input and an output; Invoke calls
`stub_invoke`, which a test defines. As with CMSIS-NN, the functions for int8 are others than the plain ones.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from hwasc.deploy.tflm.exporter import EXPORTER
from hwasc.deploy.tflm.options import TflmOptions
from hwasc.models import build
from hwasc.models.blocks import GlobalResponseNorm
from hwasc.models.student import Student
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.training.quantization import calibrate, quantize

NASTY = (
    'say "hi"',
    "back\\slash\\",
    "two\nlines\t",
    "*/ end // it",
    "what??/\nnow??)",
    "métro 7",
    "\\",
    "%s 100 %",
    "",
)
CXX = ("g++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wtrigraphs", "-Werror")
CC = ("gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-O2")
STATIC = ("-DTF_LITE_STATIC_MEMORY",)
INT8 = {  # methods with a registration for int8 alone, and its header
    "Conv2D": ("CONV_2D", "conv"),
    "DepthwiseConv2D": ("DEPTHWISE_CONV_2D", "depthwise_conv"),
    "AveragePool2D": ("AVERAGE_POOL_2D", "pooling"),
    "Add": ("ADD", "add"),
    "Mul": ("MUL", "mul"),
}
OTHERS = ("Abs", "Concatenation", "Div", "MaxPool2D", "Maximum", "Mean", "Pad", "Rsqrt", "Sqrt", "StridedSlice")
COMMON = """\
#pragma once
#include <cstddef>
#include <cstdint>
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
struct TfLiteTensor { struct { std::int8_t* int8; } data; };
struct TFLMRegistration { int types; };
extern "C" void stub_invoke(const std::int8_t* input, std::int8_t* output);
"""
INTERPRETER = """\
#pragma once
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
namespace tflite {
struct Model { const void* content; };
inline const Model* GetModel(const void* content) { static Model model; model.content = content; return &model; }
class MicroInterpreter {
 public:
  template <class Resolver>
  MicroInterpreter(const Model*, const Resolver&, std::uint8_t* arena, std::size_t)
      : in_{{reinterpret_cast<std::int8_t*>(arena)}}, out_{{reinterpret_cast<std::int8_t*>(arena) + 2048}} {}
  TfLiteStatus AllocateTensors() { return kTfLiteOk; }
  TfLiteStatus Invoke() { stub_invoke(in_.data.int8, out_.data.int8); return kTfLiteOk; }
  TfLiteTensor* input(int) { return &in_; }
  TfLiteTensor* output(int) { return &out_; }
 private:
  TfLiteTensor in_, out_;
};
}  // namespace tflite
"""


def student(a: Architecture) -> Student:
    """Untrained, quantized on noise; GRN does something."""
    torch.manual_seed(0)
    model = build(a)
    for m in model.modules():
        if isinstance(m, GlobalResponseNorm):
            nn.init.uniform_(m.gamma, -0.5, 0.5)
    clips = torch.randn(2, 1, a.front_end.mels, a.front_end.frames)
    return calibrate(quantize(model.eval()), [clips], correct_bias=False)


def architecture(classes: int, blocks: tuple[InvertedResidual, ...] = (), **rest: str) -> Architecture:
    """A short clip at 16 kHz with an odd front end."""
    front_end = FrontEnd.for_clip(24, 9, 0.7, 16_000, log_offset=3e-7, mean=-4.25, f_min=20.1)
    return Architecture(front_end, (4, 8), blocks, classes, **rest)  # type: ignore[arg-type]


PLAIN = architecture(3)
EVERYTHING = architecture(
    len(NASTY),
    (
        InvertedResidual(3, 16, 8, (2, 1), True, GRN("channel", "expanded", "l2")),
        InvertedResidual(5, 12, 8, (1, 1), True, GRN()),
        InvertedResidual(3, 9, 8, (2, 2)),
    ),
)
TORCH = architecture(50, (InvertedResidual(3, 16, 8, (2, 1), True),), padding="torch")


def exported(folder: Path, a: Architecture, classes: tuple[str, ...], planner: str = "greedy", **options: str) -> Path:
    """Export an untrained student."""
    return EXPORTER.export(student(a), folder, classes, planner, options=TflmOptions(**options))  # type: ignore[arg-type]


def write_stub(folder: Path) -> Path:
    """Write the headers; returns the folder to include."""
    kernels = folder / "tensorflow/lite/micro/kernels"
    kernels.mkdir(parents=True, exist_ok=True)
    (folder / "tensorflow/lite/c").mkdir(exist_ok=True)
    (folder / "tensorflow/lite/c/common.h").write_text(COMMON)
    for kind, header in INT8.values():
        (kernels / f"{header}.h").write_text(
            '#pragma once\n#include "tensorflow/lite/c/common.h"\nnamespace tflite {\n'
            f"inline TFLMRegistration Register_{kind}() {{ return {{3}}; }}\n"
            f"inline TFLMRegistration Register_{kind}_INT8() {{ return {{1}}; }}\n}}\n"
        )
    methods = [
        f"  TfLiteStatus Add{m}(const TFLMRegistration& r = Register_{kind}()) {{ return add(r.types); }}"
        for m, (kind, _) in INT8.items()
    ]
    methods += [f"  TfLiteStatus Add{m}() {{ return add(3); }}" for m in OTHERS]
    includes = "".join(f'#include "tensorflow/lite/micro/kernels/{header}.h"\n' for _, header in INT8.values())
    (folder / "tensorflow/lite/micro/micro_mutable_op_resolver.h").write_text(
        f'#pragma once\n#include "tensorflow/lite/c/common.h"\n{includes}namespace tflite {{\n'
        "template <unsigned int N> class MicroMutableOpResolver {\n public:\n  static constexpr unsigned int kCount = N;\n"
        "  unsigned int count = 0;\n  int types = 0;\n"
        "  TfLiteStatus add(int t) { types += t; return count++ < N ? kTfLiteOk : kTfLiteError; }\n"
        + "\n".join(methods)
        + "\n};\n}\n"
    )
    (folder / "tensorflow/lite/micro/micro_interpreter.h").write_text(INTERPRETER)
    return folder


def compiled(
    program: Path, folders: Sequence[Path], work: Path, *flags: str, features: bool = False
) -> subprocess.CompletedProcess[str]:
    """Compile a program with exports into `work`/a, strictly; with the log-mel's C files where it computes features."""
    stub = write_stub(work / "stub")
    objects = []
    for folder in folders:
        for source in sorted((folder / "front_end").glob("*.c")) if features else ():
            objects.append(work / f"{folder.name}_{source.stem}.o")
            done = subprocess.run([*CC, "-c", source, "-o", objects[-1]], capture_output=True, text=True, timeout=120)
            if done.returncode != 0:
                return done
    models = [path for folder in folders for path in folder.glob("*_model.cc")]
    includes = [f"-I{path}" for path in (*folders, stub)]
    command = [*CXX, *(flags or STATIC), *includes, program, *models, *objects, "-o", work / "a"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)
