"""The golden vectors of the self-test as a header in C++: a clip, its features as the input tensor holds them, its logits."""

from __future__ import annotations

import textwrap

import numpy.typing as npt

from hwasc.deploy.constants import step
from hwasc.deploy.firmware.golden import golden
from hwasc.deploy.tflm.model_header import MARK
from hwasc.deploy.tflm.source_texts import check
from hwasc.models.student import Student

WIDTH = 120


def golden_text(model: Student, *, name: str, digest: str) -> str:
    """Write the header.

    Args:
        model: A quantized student.
        name: Of the model.
        digest: SHA-256 of the model file.

    Returns:
        The text of `selftest/NAME_golden.h`.
    """
    model = model.cpu().eval()
    found = golden(model, input=step(model.input), output=step(model.get_submodule("output.act")))
    guard = f"{name.upper()}_GOLDEN_H_"
    arrays = (
        _array("std::int16_t", "kSamples", found.samples),
        _array("std::int8_t", "kFeatures", found.features.ravel()),
        _array("std::int8_t", "kLogits", found.logits),
    )
    return (
        f"{MARK}// A clip, its features and its logits, as hwasc computed them.\n\n#ifndef {guard}\n#define {guard}\n\n"
        f'#include <cstdint>\n\n#include "{name}.h"\n\n{check(digest, f"{name}_golden.h", name)}\n'
        f"namespace {name} {{\nnamespace golden {{\n\n"
        + "\n".join(arrays)
        + f"\n}}  // namespace golden\n}}  // namespace {name}\n\n#endif  // {guard}\n"
    )


def _array(kind: str, name: str, values: npt.NDArray) -> str:
    body = textwrap.fill(", ".join(map(str, values.tolist())), WIDTH, initial_indent="    ", subsequent_indent="    ")
    return f"constexpr {kind} {name}[{len(values)}] = {{\n{body},\n}};\n"
