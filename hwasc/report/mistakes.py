"""The clips that a model takes for another scene, the surest first: to hear, to see, and to find wrong labels by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from hwasc.report.formats import count
from hwasc.report.sounds import excerpt, link, small_copy
from hwasc.report.spectrogram import spectrogram
from hwasc.students.clip_predictions import ClipPredictions

LISTED = 200  # clips
OF_A_PAIR = 5  # clips of each pair of scenes that are listed beyond these
MOST = 1000  # clips in all: a page of some MB
SHARES = 3  # classes whose probabilities are shown, the most probable first; the right one is added
DARKEST, BRIGHTEST = 1, 99.5  # percentiles of the features of all clips listed


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A clip with another scene than the predicted one.

    Attributes:
        pair: Numbers of the right and of the predicted class, e.g. `3-0`.
        scene: The right class.
        predicted: The predicted one.
        shares: Probability of each class that is shown.
        file: The recording, as the data set names it.
        span: Which part of it; empty: all.
        location: Where it was recorded.
        device: The recording device.
        href: Address of the recording.
        sound: Address of the clip's sound; None where a copy was wanted and could not be made.
        picture: Address of its log-mel as a picture.
    """

    pair: str
    scene: str
    predicted: str
    shares: Mapping[str, float]
    file: str
    span: str
    location: str
    device: str
    href: str
    sound: str | None
    picture: str


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Clips of one scene that are taken for another.

    Attributes:
        scene: The right class.
        predicted: The predicted one.
        clips: How many.
        listed: How many of them the page lists.
    """

    scene: str
    predicted: str
    clips: int
    listed: int


@dataclass(frozen=True, kw_only=True)
class Mistakes:
    """The clips, and for each cell of the confusion matrix which of them it leads to.

    Attributes:
        macro: Macro of `templates/parts.html.j2` that renders the part.
        clips: Those listed, the surest mistake first.
        total: All that are wrong.
        pairs: Those of which clips are listed, by the numbers of the right and the predicted class.
        table: Address of the table of all clips.
    """

    macro: ClassVar[str] = "mistakes"
    clips: Sequence[Mistake]
    total: int
    pairs: Mapping[str, Pair]
    table: str

    @property
    def css(self) -> str:
        """Rules by which a page without a script shows the clips of one cell: those of the address's part after the #."""
        return "\n".join(f"#mistakes-{p}:target~ol li:not(.m-{p}){{display:none}}" for p in self.pairs)


def mistakes(predictions: ClipPredictions, page: Path, table: Path, *, embed: int = 0) -> Mistakes:
    """Collect what a page shows of the clips that are taken for another scene.

    Args:
        predictions: What the model says of each clip.
        page: Where the page will lie.
        table: Where the table of all clips lies.
        embed: How many of the clips listed have a copy of their sound in the page; the others link to their files.

    Returns:
        The part of the page.
    """
    features, classes = predictions.features, predictions.features.classes
    wrong = predictions.wrong
    pairs = {row: f"{features.labels[row]}-{predictions.predicted[row]}" for row in wrong}
    listed = _choose(wrong, pairs)
    log_mels = features.array[listed].astype(np.float32)
    low, high = np.percentile(log_mels, (DARKEST, BRIGHTEST)) if listed else (0.0, 1.0)
    clips = []
    for i, row in enumerate(listed):
        clip, shares = features.clips[row], predictions.probabilities[row]
        order = np.argsort(-shares, kind="stable")
        shown = [*order[:SHARES], *({int(features.labels[row])} - set(order[:SHARES].tolist()))]
        address = link(clip.path, page)
        clips.append(
            Mistake(
                pair=pairs[row],
                scene=clip.scene,
                predicted=classes[predictions.predicted[row]],
                shares={classes[k]: float(shares[k]) for k in shown},
                file=predictions.file(clip),
                span=f"{clip.start:g} to {clip.start + clip.seconds:g} s" if "#" in clip.id else "",
                location=clip.location,
                device=clip.device,
                href=address,
                sound=small_copy(clip) if i < embed else excerpt(clip, address),
                picture=spectrogram(log_mels[i], float(low), float(high)),
            )
        )
    return Mistakes(
        clips=clips, total=len(wrong), pairs=_pairs(pairs, listed, features.classes), table=link(table, page)
    )


def note(part: Mistakes) -> str:
    """What the list is, in a sentence or two."""
    if not part.total:
        return "No clip was taken for another scene."
    which = "All of them" if len(part.clips) == part.total else f"{count(len(part.clips))} of them"
    return (
        f"{count(part.total)} clips were taken for another scene. {which} are here, the surest mistake first: where a label is "
        "wrong, the model is often sure of another one. A cell of the confusion matrix leads to its clips."
    )


def _choose(wrong: Sequence[int], pairs: Mapping[int, str]) -> list[int]:
    """The surest of all, and the surest of every pair, in their order."""
    listed: Counter[str] = Counter()
    chosen: list[int] = []
    for i, row in enumerate(wrong):
        if i < LISTED or (listed[pairs[row]] < OF_A_PAIR and len(chosen) < MOST):
            chosen.append(row)
            listed[pairs[row]] += 1
    return chosen


def _pairs(pairs: Mapping[int, str], listed: Sequence[int], classes: Sequence[str]) -> dict[str, Pair]:
    all_of, listed_of = Counter(pairs.values()), Counter(pairs[row] for row in listed)
    found = {}
    for pair, clips in listed_of.items():
        scene, predicted = (classes[int(number)] for number in pair.split("-"))
        found[pair] = Pair(scene=scene, predicted=predicted, clips=all_of[pair], listed=clips)
    return found
