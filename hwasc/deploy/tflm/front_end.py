"""The log-mel in C beside the model: the sources of format `c`, and a clip's frames into the input tensor.

Functions, tables and types get names of the model's own, so that two models with different front ends fit one program.
"""

from __future__ import annotations

import re
from pathlib import Path

import hwasc.deploy.firmware as firmware
from hwasc.cost.firmware_front_end import Arithmetic
from hwasc.deploy.firmware.front_end_numbers import front_end_numbers
from hwasc.deploy.firmware.front_end_tables import front_end_sources, front_end_tables
from hwasc.records.front_end import FrontEnd

MARK = "/* Written by hwasc; do not edit, export again. */\n"
FOLDER = "front_end"
HEADER, TABLES, CLIP = "scene_model.h", "scene_front_end_tables.c", ("scene_clip.h", "scene_clip.c")
SOURCES = Path(__file__).parent / "sources" / FOLDER
FIRMWARE = Path(firmware.__file__).parent / "sources"
FUNCTION = "scene_clip_features"  # in the header of the model: NAME_features


def front_end_files(
    front_end: FrontEnd, ends: tuple[float, int], arithmetic: Arithmetic, *, name: str, tag: str
) -> dict[str, str]:
    """Make the files of the log-mel.

    Args:
        front_end: The log-mel.
        ends: Scale and zero point of the model's input.
        arithmetic: `float` or `integer`.
        name: Of the model.
        tag: Of the export, a C number.

    Returns:
        Texts by path within the export.

    Raises:
        UsageError: The front end is beyond the C code.
    """
    texts = {file: (FIRMWARE / file).read_text() for file in front_end_sources(arithmetic)}
    texts |= {file: (SOURCES / file).read_text() for file in CLIP}
    texts[HEADER] = _header(front_end, arithmetic, tag)
    texts[TABLES] = _with_check(front_end_tables(front_end, *ends, arithmetic), tag)
    return {f"{FOLDER}/{file}": _renamed(texts[file], name) for file in sorted(texts)}


def _renamed(text: str, name: str) -> str:
    """The text with the model's names; those of files stand in quotes or have an ending."""
    return re.sub(r"(?<![\w\"])scene_\w+(?!\w*\.[ch]\b)", lambda found: own_name(found[0], name), text)


def _header(front_end: FrontEnd, arithmetic: Arithmetic, tag: str) -> str:
    numbers = {"TAG": tag, **front_end_numbers(front_end, arithmetic)}
    return (
        f"{MARK}/* The numbers of this model's log-mel. */\n#ifndef SCENE_MODEL_H\n#define SCENE_MODEL_H\n\n"
        + "".join(f"#define SCENE_{key} {value}\n" for key, value in numbers.items())
        + "\n#endif\n"
    )


def own_name(old: str, name: str) -> str:
    """The name that a function, table or type of the sources has in an export.

    Args:
        old: In the sources.
        name: Of the model.

    Returns:
        The name with the model's.
    """
    return f"{name}_features" if old == FUNCTION else f"{name}_{old}"


def _with_check(tables: str, tag: str) -> str:
    """The tables with a line that fails to compile beside another export's header."""
    check = (
        f'#include "{HEADER}"\n#if SCENE_TAG != {tag}\n'
        f'#error "{TABLES} and {HEADER} are of different exports; copy the whole folder again"\n#endif\n'
    )
    mark, found, rest = tables.partition(MARK)
    return f"{mark}{found}{check}{rest}" if found else f"{check}{tables}"
