"""Which clips a figure is measured on: those of a split at places that a model was neither trained on nor chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from hwasc.data.source import DataSource
from hwasc.errors import UsageError
from hwasc.records.measured_clips import MeasuredClips
from hwasc.records.training_clips import TrainingClips
from hwasc.workspace import Workspace

Split = Literal["validation", "test"]


def measured(
    ws: Workspace, known: Sequence[TrainingClips], split: Split, *, what: str, certain: bool = True
) -> tuple[Workspace, MeasuredClips]:
    """Leave out the clips of a split that a model was trained on or chosen by, and all others at their locations.

    Args:
        ws: Data, settings, cache.
        known: The recordings that were used.
        split: The split.
        what: The model, for messages.
        certain: Whether `known` is all that was used.

    Returns:
        A workspace whose split has only the other clips, and the record of them.

    Raises:
        UsageError: No clip is left, or only clips of one scene where there were more: a model that always names this scene would
            be right.
    """
    dataset = ws.dataset
    clips = getattr(dataset, split)
    joined = TrainingClips(data="").joined(known)
    rest = ws.at_new_places(clips, joined)
    name = "all" if dataset.whole else split
    record = MeasuredClips(
        data=ws.data,
        folder=str(dataset.root.resolve()),
        dataset=ws.fingerprint_of(clips),
        split=name,
        drawn=dataset.drawn,
        clips=len(rest),
        locations=len({c.location for c in rest}),
        missing=tuple(sorted(set(dataset.classes) - {c.scene for c in rest})),
        left_out=len(clips) - len(rest),
        left_out_locations=len({c.location for c in clips}) - len({c.location for c in rest}),
        training=len(joined.train) if certain else None,
        validation=len(joined.validation) if certain else None,
    )
    left = {c.scene for c in rest}
    if not rest or (len(left) == 1 and len({c.scene for c in clips}) > 1):
        but = f" but those of '{min(left)}'" if left else ""
        raise UsageError(
            f"{what}: was trained on, or chosen by, every location{but} in the {len(clips):,} clips of "
            f"{'' if dataset.whole else f'the {split} split of '}{ws.data}, so no honest figure can be measured there; use the "
            "seed and the splits of its training, or recordings of new places (hwasc evaluate --split all)"
        )
    if record.left_out:
        ws.reporter.say(
            f"{record.left_out:,} of {len(clips):,} {name} clips are left out: {what} knows their locations"
        )
    rest_of = replace(dataset, test=rest) if split == "test" else replace(dataset, validation=rest)
    if len(rest) == len(clips):
        return ws, record
    return replace(ws, source=DataSource.of(ws.source, rest_of)), record
