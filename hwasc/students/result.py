"""The result of a distillation: metrics, costs and files of the student."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from hwasc.cost.fit import Fit
from hwasc.cost.measure import Costs
from hwasc.deploy.exporting import export
from hwasc.ensemble.fusion import FusionRow
from hwasc.ensemble.leave_one_out import LeaveOneOutRow
from hwasc.ensemble.teacher_summary import TeacherSummary
from hwasc.records import schema
from hwasc.records.measured_clips import MeasuredClips
from hwasc.records.results import Result
from hwasc.students.device_results import DeviceStudents
from hwasc.students.loss_choice import LossChoice
from hwasc.students.starts import StartScore
from hwasc.training.metrics import Metrics

RESULT = "result.json"


@dataclass(frozen=True, kw_only=True)
class TestMetrics:
    """The student on the test split.

    Attributes:
        float: Before quantization.
        int8: After quantization.
    """

    __test__ = False  # no test class

    float: Metrics
    int8: Metrics


@dataclass(frozen=True, kw_only=True)
class ValidationAccuracy:
    """Macro accuracy of the student on validation clips.

    Attributes:
        float: Before quantization, 0..1.
        int8: After quantization, 0..1.
    """

    float: builtins.float
    int8: builtins.float


@dataclass(frozen=True, kw_only=True)
class WeightsSource:
    """The weights that training started from.

    Attributes:
        source: `slice` of a supernet, `refinement`, or `random weights`.
        sha256: Of their file; None for random weights.
    """

    source: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class OnnxFile:
    """The student in ONNX Runtime.

    Attributes:
        agreement: Share of test clips for which it predicts the same scene as the quantized student, 0..1.
        clips: Test clips.
        accuracy: Macro accuracy, 0..1.
        file: Its name in the run folder.
        sha256: Of the file.
    """

    agreement: float
    clips: int
    accuracy: float
    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class TfliteFile:
    """The student's file for the chip.

    Attributes:
        file: Its name in the run folder.
        bytes: Its size.
        sha256: Of the file.
    """

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class DistillResult(Result):
    """A finished distillation.

    Attributes:
        run: Its run folder.
        id: The architecture's.
        architecture: The net on a few short lines.
        costs: What the architecture costs, as the budget of its search counts.
        fit: The costs beside this budget; None in results of versions that did not have it.
        classes: The scenes, in the order of the logits.
        data: The data set as the user named it.
        dataset: Fingerprint of the training and validation clips.
        measured: The test clips that the figures are of.
        alpha: Share of the teachers in the loss, 0..1.
        loss_choice: How alpha and temperature were chosen; None where they were not.
        seed: The run's.
        student_seed: Of the student's weights, batches and augmentation.
        initial_weights: The weights that training started from.
        starts: Both trainings on validation clips, where the start was chosen by them; else empty.
        validation: Accuracy on validation clips.
        test: Metrics on test clips. Nothing was chosen by them.
        fusion: Each teacher and each view on test clips; empty without teachers.
        view: The view of the ensemble that the student learned from; None without teachers.
        teachers: What each teacher is and costs.
        leave_one_out: The plain mean without each teacher.
        mixing: z1's mean weight of each teacher.
        losses: Training loss by epoch, of `float` and `qat`.
        validation_course: (epoch, macro accuracy on validation clips) at some epochs, likewise.
        onnx: The file for ONNX Runtime.
        tflite: The file for the chip.
        devices: Students of single recording devices; None where there were to be none.
        environment: Command, versions, machine and date.
    """

    run: Path = field(default=Path("."))
    id: str
    architecture: str
    costs: Costs
    fit: Fit | None = None
    classes: tuple[str, ...]
    data: str
    dataset: str
    measured: MeasuredClips
    alpha: float
    loss_choice: LossChoice | None = None
    seed: int
    student_seed: int
    initial_weights: WeightsSource
    starts: list[StartScore] = field(default_factory=list)
    validation: ValidationAccuracy
    test: TestMetrics
    fusion: list[FusionRow]
    view: str | None = None
    teachers: list[TeacherSummary]
    leave_one_out: list[LeaveOneOutRow]
    mixing: dict[str, dict[str, dict[str, float]]]
    losses: dict[str, list[float]]
    validation_course: dict[str, list[tuple[int, builtins.float]]] = field(default_factory=dict)
    onnx: OnnxFile
    tflite: TfliteFile
    devices: DeviceStudents | None = None
    environment: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The record as `result.json` holds it."""
        values = schema.plain(self)
        test, started = values.pop("test"), values.pop("initial_weights")
        del values["run"]
        for name in ("devices", "starts", "loss_choice", "validation_course"):
            if not values[name]:
                del values[name]
        digest = {"sha256": started["sha256"]} if started["sha256"] else {}
        return {
            "schema": 1,
            **values,
            "initial_weights": {"from": started["source"], **digest},
            "float": test["float"],
            "int8": test["int8"],
            "confusion": test["int8"]["confusion"],
        }

    @classmethod
    def from_json(cls, data: Any, where: str) -> DistillResult:
        """The record from JSON values, see `Result.from_json`.

        Args:
            data: What `to_json` gave.
            where: The file that they come from, for messages.

        Returns:
            An equal record, but for `run`.
        """
        if isinstance(data, dict):
            data = {k: v for k, v in data.items() if k not in ("schema", "confusion")}
            started = data.get("initial_weights")
            if isinstance(started, dict):
                data["initial_weights"] = {("source" if k == "from" else k): v for k, v in started.items()}
            data["test"] = {"float": data.pop("float", None), "int8": data.pop("int8", None)}
        return schema.parse(cls, data, where)

    @classmethod
    def read(cls, path: Path | str) -> DistillResult:
        """Read a finished distillation from its run folder, or from the `result.json` in it."""
        path = Path(path)
        file = path / RESULT if path.is_dir() else path
        return replace(super().read(file), run=file.parent)

    def export(
        self,
        path: Path | str,
        *,
        format: str | None = None,
        planner: Literal["greedy", "offline"] = "greedy",
        **options: Any,
    ) -> Path:
        """Write the int8 student for a runtime.

        Args:
            path: The file, or the folder of a format that is one.
            format: `onnx`, `tflite`, `c`, `tflm` or `web`; None: what `path` ends with.
            planner: The memory plan of a .tflite: `greedy` is made by the interpreter, `offline` is stored in the file.
            **options: Of the format, see `hwasc.export`.

        Returns:
            What was written.

        Raises:
            UsageError: The format is unknown or cannot hold the student.
        """
        return export(self.run / "int8.safetensors", Path(path), format=format, planner=planner, **options)
