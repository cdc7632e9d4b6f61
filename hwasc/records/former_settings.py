"""Settings of former versions: what has taken their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwasc.errors import UsageError

TEACHERS: Mapping[str, str] = {  # former keys of `teachers`, and how a member says the same
    "families": "teachers.members=[cp_resnet, crnn]",
    "widths": "teachers.members=[{name: crnn, family: crnn, width: 64}, ...]",
    "front_ends": "teachers.members=[{name: crnn, family: crnn, front_end: paper}, ...]",
    "pretrained": "teachers.members=[{name: crnn, family: crnn, weights: crnn.safetensors}, ...]",
    "external": "teachers.members=[{name: beats, logits: beats.csv}, ...]",
}


def check_no_former(data: Mapping[str, Any], where: str) -> None:
    """Check that settings have no key of a former version.

    Args:
        data: The settings as plain values.
        where: Where they come from, for messages.

    Raises:
        UsageError: They have; it gives the present form.
    """
    teachers = data.get("teachers")
    if isinstance(teachers, Mapping):
        found = [key for key in TEACHERS if key in teachers]
        if found:
            forms = "; ".join(f"teachers.{key} is now {TEACHERS[key]}" for key in found)
            raise UsageError(f"{where}: teachers are a list of members: {forms} (docs/teachers.md)")
