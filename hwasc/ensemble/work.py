"""What the ensemble's stages have to do, counted: a clip's way through a net of a million MACs is the unit."""

from __future__ import annotations

from hwasc.progress import Stage
from hwasc.workspace import Workspace

TEACHERS, FUSION = "teachers", "fusion"
TRAINING = 3.0  # forward and backward, over forward alone
STEP = 5.0  # of a clip in a training step beside its net: augmentation, the loss, the optimizer
FAMILY = 10.0  # million MACs of a family's net, which are 5 to 15 by default
GIVEN = 70.0  # of a net that was trained elsewhere, as YAMNet's; each clip goes through it once
HEADS = 1.0  # of z1's backbone


def training_work(clips: float, size: float) -> float:
    """The work of training steps.

    Args:
        clips: Clips in all steps.
        size: Of the net, million MACs.

    Returns:
        The work.
    """
    return clips * (TRAINING * size + STEP)


def forward_work(ws: Workspace, clips: int) -> float:
    """The work of all teachers' logits of clips that none was trained on.

    Args:
        ws: The teachers.
        clips: Their number.

    Returns:
        The work.
    """
    t = ws.settings.teachers
    return clips * len(t.members) * t.folds * FAMILY


def ensemble_stages(ws: Workspace) -> list[Stage]:
    """The stages of `fuse`.

    Args:
        ws: Data and settings.

    Returns:
        Training of the teachers, and of the fusion heads.
    """
    clips, t, fusion = len(ws.dataset.train), ws.settings.teachers, ws.settings.fusion
    teachers = 0.0
    for member in t.members:
        epochs = (member.train or t.train).epochs * (t.folds - 1)  # each fold is left out once
        trained = member.family is not None or member.fine_tune
        teachers += training_work(clips * epochs, FAMILY) if trained else clips * GIVEN
    heads = training_work(clips * (fusion.epochs + fusion.paper_epochs), HEADS)
    heads += clips * len(t.members) * FAMILY  # the logits that they are fitted on
    return [Stage(TEACHERS, teachers), Stage(FUSION, heads, parts=2 if fusion.paper_epochs else 1)]
