"""The part of the distillation report about students of single devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwasc.report.formats import count, kib, percent, points
from hwasc.report.page import Fact, Facts, Paragraph, Part, Table

if TYPE_CHECKING:
    from hwasc.students.device_results import DeviceStudents


def device_parts(devices: DeviceStudents, file_bytes: int) -> list[Part]:
    """Compare the students of single devices with the general one.

    Args:
        devices: Of a distillation.
        file_bytes: Size of a student's file for the chip.

    Returns:
        Parts of the page.
    """
    chosen, over = len(devices.chosen), f"over {count(devices.test.clips)} test clips"
    facts = {
        "By the student of its device": Fact(percent(devices.test.accuracy), f"int8, macro, {over}", "measured"),
        "Students": Fact(count(chosen + 1), "the general one, and those that validation clips chose", "exact"),
        "All files in flash": Fact(kib((chosen + 1) * file_bytes), f"{count(file_bytes)} B each", "exact"),
    }
    rows = []
    for s in devices.students:
        v, t = s.validation, s.test
        tested = (percent(t.general), percent(t.own), points(t.own - t.general)) if t else ("", "", "")
        used = "own" if s.chosen else "general"
        rows.append((s.device, count(s.clips), percent(v.general), percent(v.own), used, *tested))
    columns = ("device", "training clips", "validation, general", "validation, own", "student", "test, general", "test, own",
               "change, points")  # fmt: skip
    caption = (
        "Macro accuracy of int8 students. A device has a student of its own if its validation clips say it is no worse"
    )
    parts: list[Part] = [
        Paragraph(
            "For each recording device a copy of the student was trained further on its clips. Each is a whole model: a device "
            "that is known needs only its own, and DCASE 2025 counts each model by itself."
        ),
        Facts(facts),
        Table(columns, rows, caption),
    ]
    if devices.too_few:
        few = ", ".join(f"{device} ({count(clips)})" for device, clips in devices.too_few.items())
        parts.append(Paragraph(f"Devices with too few clips for a student of their own, by training clips: {few}."))
    return parts
