"""The files that the settings of teachers name: whether they are there is looked at before any data are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hwasc.ensemble.embedding.teacher import embedding_path
from hwasc.errors import UsageError
from hwasc.records.teacher_settings import Member, PretrainedWeights


def check_files(members: Sequence[Member], cache: Path) -> None:
    """Check that all files of the members are there. What they hold is checked when the teachers are opened.

    Args:
        members: Of the settings.
        cache: The folder of caches, with fetched nets.

    Raises:
        UsageError: One is missing; it is named with its member.
    """
    for member in members:
        if member.embedding is not None:
            embedding_path(member, cache)
        start = member.weights.file if isinstance(member.weights, PretrainedWeights) else member.weights
        for what, file in (("model", member.model), ("file of logits", member.logits), ("file of weights", start)):
            if file is not None and not Path(file).exists():
                raise UsageError(f"teacher {member.name}: {file}: there is no such {what}")
