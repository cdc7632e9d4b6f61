"""The kinds of teachers by their key in the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hwasc.ensemble.embedding.teacher import open_embedding, open_hf
from hwasc.ensemble.family_teacher import open_family
from hwasc.ensemble.fine_tuned_teacher import open_fine_tuned
from hwasc.ensemble.logit_table_teacher import open_logit_table
from hwasc.ensemble.onnx_teacher import open_onnx
from hwasc.ensemble.teacher import Folds, Teacher
from hwasc.records.teacher_settings import Member


def _open_hf(member: Member, folds: Folds) -> Teacher:
    return open_fine_tuned(member, folds) if member.fine_tune else open_hf(member, folds)


KINDS: Mapping[str, Callable[[Member, Folds], Teacher]] = {
    "family": open_family,
    "embedding": open_embedding,
    "hf": _open_hf,
    "model": open_onnx,
    "logits": open_logit_table,
}


def open_teacher(member: Member, folds: Folds) -> Teacher:
    """Open a teacher of any kind: its files and settings are checked, nothing is trained.

    Args:
        member: Its settings.
        folds: The training clips in folds, with the workspace.

    Returns:
        The teacher.

    Raises:
        UsageError: A setting does not fit, or a file is missing.
        DataError: A file cannot be used.
    """
    return KINDS[member.kind](member, folds)
