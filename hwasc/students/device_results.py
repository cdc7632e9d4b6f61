"""The record of students of single recording devices, beside the general one."""

from __future__ import annotations

from dataclasses import dataclass

from hwasc.training.metrics import Metrics


@dataclass(frozen=True, kw_only=True)
class DeviceScores:
    """Macro accuracies of int8 students on clips of one device, 0..1.

    Attributes:
        clips: Number of clips.
        general: Of the general student.
        own: Of the device's own student.
    """

    clips: int
    general: float
    own: float


@dataclass(frozen=True, kw_only=True)
class DeviceStudent:
    """A student that was fine-tuned on the clips of one device.

    Attributes:
        device: The recording device.
        clips: Training clips of the device.
        validation: Scores on its validation clips, by which it was chosen or not.
        chosen: Whether the device has this student; otherwise the general one remains.
        test: Scores on its test clips; None where it has none. Nothing was chosen by them.
        weights: File of its int8 weights in the run folder.
        tflite: Its file for the chip in the run folder; None where it was not chosen.
    """

    device: str
    clips: int
    validation: DeviceScores
    chosen: bool
    test: DeviceScores | None
    weights: str
    tflite: str | None


@dataclass(frozen=True, kw_only=True)
class DeviceStudents:
    """The students of single devices, and all students together.

    Attributes:
        students: One for each device with enough clips.
        too_few: Devices of training clips whose clips are too few, by the number of their training clips.
        test: Each test clip by the student of its device, the general one where there is no other.
    """

    students: tuple[DeviceStudent, ...]
    too_few: dict[str, int]
    test: Metrics

    @property
    def chosen(self) -> tuple[DeviceStudent, ...]:
        """Those that a device has instead of the general student."""
        return tuple(s for s in self.students if s.chosen)
