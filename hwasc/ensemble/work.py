"""What the ensemble's stages have to do, counted: a clip's way through a net of a million MACs is the unit."""

from __future__ import annotations

from hwasc.progress import Stage
from hwasc.records.teacher_settings import Member, TeacherSettings
from hwasc.workspace import Workspace

EMBEDDINGS, TEACHERS, FUSION = "embeddings", "teachers", "fusion"
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


def embedding_members(teachers: TeacherSettings) -> list[Member]:
    """The members whose nets turn clips into embeddings first, which takes long beside the probes that are fitted on them.

    Args:
        teachers: All members.

    Returns:
        These.
    """
    return [m for m in teachers.members if m.kind in ("embedding", "hf") and not m.fine_tune]


def ensemble_stages(ws: Workspace) -> list[Stage]:
    """The stages of `fuse`.

    Args:
        ws: Data and settings.

    Returns:
        Embeddings, if members have pretrained nets; training of the teachers; that of the fusion heads.
    """
    clips, t, fusion = len(ws.dataset.train), ws.settings.teachers, ws.settings.fusion
    teachers, given = 0.0, len(embedding_members(t))
    for member in t.members:
        epochs = (member.train or t.train).epochs * (t.folds - 1)  # each fold is left out once
        if member.family is not None or member.fine_tune:
            teachers += training_work(clips * epochs, FAMILY)
        elif member not in embedding_members(t):
            teachers += clips * GIVEN
    heads = training_work(clips * (fusion.epochs + fusion.paper_epochs), HEADS)
    heads += clips * len(t.members) * FAMILY  # the logits that they are fitted on
    embeddings = [Stage(EMBEDDINGS, given * clips * GIVEN, parts=(1.0,) * given)] if given else []
    sets = 2 if fusion.paper_epochs else 1
    return [*embeddings, Stage(TEACHERS, teachers), Stage(FUSION, heads, parts=(1.0,) * sets)]
