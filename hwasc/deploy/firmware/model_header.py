"""scene_model.h: every number of a model as a macro, with the tag that all generated files of an export share."""

from __future__ import annotations

from collections.abc import Mapping

from hwasc import __version__
from hwasc.cost.firmware_state import StateBytes
from hwasc.deploy.firmware.c_text import string
from hwasc.deploy.firmware.front_end_numbers import clip_numbers, frame_numbers, part_numbers
from hwasc.records.architecture import Architecture

MARK = "/* Written by hwasc; do not edit, export again. */\n"
FORMAT = 2  # of the generated files, as scene.h checks it


def model_header(
    architecture: Architecture,
    classes: tuple[str, ...],
    *,
    tag: str,
    macros: Mapping[str, str],
    smoothing: int,
    state: StateBytes,
) -> str:
    """Write the header.

    Args:
        architecture: The student.
        classes: Scenes in the order of the logits.
        tag: Of the export, see `tag_check`.
        macros: Of the net and of the export: names with values as C text.
        smoothing: Share of the decisions so far in the logits, in 1/32768.
        state: Bytes of the state.

    Returns:
        The text.
    """
    fe = architecture.front_end
    groups: list[tuple[str, Mapping[str, object]]] = [
        ("The export", {"FORMAT": FORMAT, "TAG": tag, "ARCHITECTURE": string(architecture.id)}),
        ("The clip: samples a second, samples", clip_numbers(fe)),
        (
            "The log-mel: samples of the window, of the FFT, from frame to frame; bands and frames of a clip; the part of the "
            "first window that is before the clip; samples that a frame is made of",
            frame_numbers(fe),
        ),
        ("Parts of the log-mel, see scene_front_end.h", part_numbers(fe)),
        ("The net, the front end and the stream", {k.removeprefix("SCENE_"): v for k, v in sorted(macros.items())}),
        (
            "Bytes of the state, and of the room at its end",
            {"STATE_BYTES": state.total, "STATE_PADDING": state.padding},
        ),
    ]
    lines = []
    for title, values in groups:
        lines += ["", f"/* {title} */", *(f"#define SCENE_{name} {value}" for name, value in values.items())]
    names = ", ".join(string(name) for name in classes)
    return (
        f"{MARK}/* The numbers of this model; hwasc {__version__}. */\n#ifndef SCENE_MODEL_H\n#define SCENE_MODEL_H\n"
        + "\n".join(lines)
        + "\n\n/* Share of the decisions so far in the logits, in 1/32768 */\n#ifndef SCENE_SMOOTHING\n"
        + f"#define SCENE_SMOOTHING {smoothing}\n#endif\n\n/* In UTF-8, in the order of the logits */\n"
        + f"#define SCENE_CLASS_NAMES \\\n    {{ {names} }}\n\n#endif\n"
    )


def tag_check(tag: str, name: str) -> str:
    """A check for a generated C file, which fails to compile beside another export's header.

    Args:
        tag: Of the export, a C number.
        name: Of the file.

    Returns:
        Lines that come after the inclusion of scene_model.h.
    """
    return (
        f'#include "scene_model.h"\n#if SCENE_TAG != {tag}\n'
        f'#error "{name} and scene_model.h are of different exports; copy the whole folder again"\n#endif\n'
    )
