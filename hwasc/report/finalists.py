"""Finalists of a search whose second scores are over folds: how far each is behind the best, and which are as good."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

from hwasc.nas import location_scores
from hwasc.nas.choice import as_good
from hwasc.nas.location_scores import Optimism
from hwasc.nas.seed_scores import accuracy_error_of_seeds, loss_error_of_seeds
from hwasc.nas.trial import Trial, best, by_score
from hwasc.report.formats import count, kib, percent, plural, points
from hwasc.report.page import Paragraph, Part, Table


def finalists(rescored: Sequence[Trial], winner: Trial, optimism: Optimism | None) -> list[Part]:
    """Compare finalists whose scores are over folds, on the same clips.

    Args:
        rescored: The finalists, with scores by location.
        winner: The one that was chosen.
        optimism: The nested estimate of the choice.

    Returns:
        A text and a table; nothing where scores are not over folds.
    """
    scores = [t.locations for t in rescored if t.locations is not None]
    if not scores or len(scores) < len(rescored):
        return []
    top = next(i for i, t in enumerate(rescored) if t.number == best(list(rescored)).number)
    equal, seeds = as_good(rescored), len(rescored[0].by_seed or (0,))
    clips, places = round(sum(s.clips for s in scores[0])), len({s.location for s in scores[0]})
    text = (
        f"Each finalist was trained {seeds * len({s.fold for s in scores[0]})} times, and {plural(clips, 'clip')} of "
        f"{plural(places, 'location')} were each classified {_once(seeds)}, by a net that was not trained on their location. "
        f"Errors are over locations{' and over seeds' if seeds > 1 else ''}; those of differences are smaller, because all "
        "finalists have the same clips. "
        f"{_equal(len(equal))} Trial {winner.number} was chosen."
    )
    if optimism is not None:
        gap = points(optimism.difference)
        text += (
            f" Its accuracy is {percent(optimism.accuracy)}. If each fold is measured with the finalist that the other folds "
            f"would choose, it is {percent(optimism.nested)}, {gap} points: this is what the choice promises on new places."
        )
    return [Paragraph(text), _table(rescored, scores, top=top, equal=equal, winner=winner)]


def seeds_table(rescored: Sequence[Trial], winner: Trial) -> list[Part]:
    """Show how a finalist's accuracy differs between its trainings.

    Args:
        rescored: The finalists.
        winner: The one that was chosen.

    Returns:
        A table; nothing where each was trained with one seed.
    """
    ranked = [t for t in by_score(rescored) if t.by_seed]
    if not ranked:
        return []
    seeds = [s.seed for s in ranked[0].by_seed or ()]
    rows = [
        (
            t.number,
            *(percent(s.accuracy) for s in t.by_seed or ()),
            percent(t.accuracy),
            f"{100 * accuracy_error_of_seeds(t):.1f}",
        )
        for t in ranked
    ]
    return [
        Table(
            ("trial", *(f"seed {seed}" for seed in seeds), "mean", "SE over seeds, points"),
            rows,
            "int8 accuracy of each training of the finalists, by falling mean score; the chosen one is marked",
            marked=[i for i, t in enumerate(ranked) if t.number == winner.number],
            trials=[t.number for t in ranked],
        )
    ]


def _once(seeds: int) -> str:
    return "once" if seeds == 1 else f"once with each of {seeds} seeds"


def _equal(count: int) -> str:
    if count == 1:
        return "The loss of every other finalist is above that of the best by more than the error of the difference."
    more = "one other finalist is" if count == 2 else f"{count - 1} other finalists are"
    return f"By its loss, {more} as good as the best, within the error of the difference."


def _table(
    rescored: Sequence[Trial],
    scores: Sequence[Sequence[location_scores.LocationScore]],
    *,
    top: int,
    equal: Sequence[int],
    winner: Trial,
) -> Table:
    order = sorted(range(len(rescored)), key=lambda i: -rescored[i].score)
    rows = []
    for i in order:
        t, gap = rescored[i], location_scores.accuracy(scores[i]) - location_scores.accuracy(scores[top])
        error = location_scores.accuracy_error(scores[i], scores[top])
        if error is not None:
            error = hypot(error, accuracy_error_of_seeds(t), accuracy_error_of_seeds(rescored[top]))
        worse = location_scores.loss(scores[i]) - location_scores.loss(scores[top])
        worse_error = hypot(
            location_scores.loss_error(scores[i], scores[top]),
            loss_error_of_seeds(t),
            loss_error_of_seeds(rescored[top]),
        )
        rows.append(
            (
                t.number,
                f"{percent(t.accuracy)} ± {100 * t.standard_error:.1f}",
                "" if i == top else points(gap) + ("" if error is None else f" ± {100 * error:.1f}"),
                "" if i == top else f"{worse:+.3f} ± {worse_error:.3f}",
                "yes" if i in equal else "no",
                count(t.macs),
                kib(t.memory),
            )
        )
    return Table(
        (
            "trial",
            "int8 accuracy ± SE",
            "points from the best",
            "loss above the best, nats",
            "as good",
            "MACs",
            "memory",
        ),
        rows,
        "Finalists by falling score; the chosen one is marked",
        marked=[n for n, i in enumerate(order) if rescored[i].number == winner.number],
        trials=[rescored[i].number for i in order],
    )
