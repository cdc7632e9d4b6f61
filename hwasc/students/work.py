"""What the stages of a distillation have to do, counted in the unit of `hwasc.ensemble.work`."""

from __future__ import annotations

from hwasc.ensemble.work import ensemble_stages, forward_work, training_work
from hwasc.progress import Stage
from hwasc.records.architecture import Architecture
from hwasc.students.loss_choice import SHORTER, candidates
from hwasc.training.pace import QAT
from hwasc.workspace import Workspace

MODELS = 4  # float, int8, ONNX and the chip's interpreter classify the test clips
INTERPRETER = 20.0  # of a clip, beside its net
LOSS, FLOAT, INT8, DEVICES, TEST = "choice of the loss", "training, float", "training, int8", "devices", "test"


def distill_stages(
    ws: Workspace, architecture: Architecture, *, training: bool, both: bool, per_device: bool
) -> list[Stage]:
    """The stages of a distillation, as far as it has them.

    Args:
        ws: Data and settings.
        architecture: The student.
        training: Whether it is trained.
        both: Whether it is trained from two starts.
        per_device: Whether it is fine-tuned for each device.

    Returns:
        The stages.
    """
    d, clips = ws.settings.distill, len(ws.dataset.train)
    size, tested = architecture.size.macs / 1e6, len(ws.dataset.test)
    taught = d.alpha > 0 and training
    test = Stage(TEST, tested * (MODELS * size + INTERPRETER) + (forward_work(ws, tested) if taught else 0))
    if not training:
        return [test]
    epoch = training_work(clips, size)
    out = ensemble_stages(ws) if taught else []
    if d.choose and d.alpha > 0:
        count = len(candidates(d))
        out.append(Stage(LOSS, count * max(1, d.train.epochs // SHORTER) * epoch, parts=(1.0,) * count))
    starts = 2 if both else 1
    out.append(Stage(FLOAT, starts * d.train.epochs * epoch, parts=(1.0,) * starts))
    out.append(Stage(INT8, QAT * d.qat.epochs * epoch))
    if per_device:
        out.append(Stage(DEVICES, (1 + QAT) * d.device_train.epochs * epoch))
    return [*out, test]
