"""The model file as an aligned C++ array, and the registration of its operators, in ASCII.

Kernels for int8 alone are registered where TensorFlow Lite Micro has such a variant (kernels/conv.h and its kin): with CMSIS-NN
the linker then leaves the 16-bit and float kernels out. Without CMSIS-NN these functions are the plain ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from hwasc.deploy.firmware.c_text import string
from hwasc.deploy.tflm.model_header import MARK, tag

ADD = {  # schema name -> method of tflite::MicroMutableOpResolver, header and function of the int8 variant
    "CONV_2D": ("AddConv2D", "conv", "CONV_2D"),
    "DEPTHWISE_CONV_2D": ("AddDepthwiseConv2D", "depthwise_conv", "DEPTHWISE_CONV_2D"),
    "AVERAGE_POOL_2D": ("AddAveragePool2D", "pooling", "AVERAGE_POOL_2D"),
    "MEAN": ("AddMean", None, None),
    "ADD": ("AddAdd", "add", "ADD"),
    "MUL": ("AddMul", "mul", "MUL"),
    "DIV": ("AddDiv", None, None),
    "MAXIMUM": ("AddMaximum", None, None),
    "RSQRT": ("AddRsqrt", None, None),
    "STRIDED_SLICE": ("AddStridedSlice", None, None),
    "CONCATENATION": ("AddConcatenation", None, None),
}
BYTES_A_LINE = 20


def data_text(content: bytes, classes: tuple[str, ...], *, name: str, digest: str) -> str:
    """Write the model file as an array, with the names of the classes.

    Args:
        content: The .tflite file.
        classes: Scenes in the order of the logits.
        name: Of the model.
        digest: SHA-256 of the file.

    Returns:
        The text of `NAME_model.cc`.
    """
    lines = [content[i : i + BYTES_A_LINE] for i in range(0, len(content), BYTES_A_LINE)]
    array = "\n".join("".join(f"0x{byte:02x}," for byte in line) for line in lines)
    names = "\n".join(f"    {string(text)}," for text in classes)
    return f"""\
{MARK}
#include "{name}.h"

{check(digest, f"{name}_model.cc", name)}
alignas(16) const unsigned char {name}::kModel[{name}::kModelBytes] = {{
{array}
}};
static_assert({name}::kModelBytes == {len(content)}, "{name}_model.cc is of another export");

const char* const {name}::kClassNames[{name}::kClasses] = {{
{names}
}};
"""


def operators_text(codes: Sequence[str], *, name: str, digest: str) -> str:
    """Write the registration of the operators that the model uses.

    Args:
        codes: Their names in the schema.
        name: Of the model.
        digest: SHA-256 of the file.

    Returns:
        The text of `NAME_operators.h`.
    """
    guard = f"{name.upper()}_OPERATORS_H_"
    calls = "\n".join(f"  if (resolver.{_call(code)} != kTfLiteOk) return kTfLiteError;" for code in codes)
    headers = "\n".join(
        f'#include "tensorflow/lite/micro/kernels/{header}.h"'
        for header in sorted({ADD[c][1] or "" for c in codes})
        if header
    )
    return f"""\
{MARK}
#ifndef {guard}
#define {guard}

#ifndef TF_LITE_STATIC_MEMORY
#error "define TF_LITE_STATIC_MEMORY here as in TensorFlow Lite Micro's build; else structs differ and the first input crashes"
#endif
#if __cplusplus < 201703L
#error "TensorFlow Lite Micro needs C++17: compile this file with -std=c++17"
#endif

#include "{name}.h"
{headers}
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

{check(digest, f"{name}_operators.h", name)}
namespace {name} {{

using OpResolver = tflite::MicroMutableOpResolver<{len(codes)}>;

// Registers the operators that the model uses, int8 alone, and no others; kTfLiteOk, or kTfLiteError when called twice.
inline TfLiteStatus RegisterOperators(OpResolver& resolver) {{
{calls}
  return kTfLiteOk;
}}

}}  // namespace {name}

#endif  // {guard}
"""


def check(digest: str, file: str, name: str) -> str:
    """A check that fails where files of two exports are compiled together.

    Args:
        digest: SHA-256 of the model file.
        file: The file with the check.
        name: Of the model.

    Returns:
        The line.
    """
    return f'static_assert({name}::kModelTag == {tag(digest)}, "{name}.h and {file} are of different exports");\n'


def _call(code: str) -> str:
    method, _, variant = ADD[code]
    return f"{method}(tflite::Register_{variant}_INT8())" if variant else f"{method}()"
