"""Journals of the second scores: one of the finalists, and one of each training where there are several of every finalist."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hwasc.errors import UsageError
from hwasc.nas.seed_scores import mean_over_seeds
from hwasc.nas.study import Journal
from hwasc.nas.trial import Trial


def training_file(training: int) -> str:
    """Name of the journal of a training.

    Args:
        training: Its number, from 0; it is added to the search's seed.

    Returns:
        The name of a file in the run folder.
    """
    return f"rescored_seed_{training}.jsonl"


class SeedJournals:
    """Where second scores are written, and what is missing there.

    A finalist comes into the journal of all when its last training has ended. What an earlier run did with fewer trainings is
    taken over; the finalist's last line there counts.
    """

    def __init__(self, run: Path, file: str, *, trainings: int) -> None:
        """Read the journals.

        Args:
            run: The run folder.
            file: Name of the journal of all.
            trainings: Of each finalist. The journals of single trainings are written where there are several.
        """
        self._whole = Journal(run / file)
        if trainings == 1:
            self._single = [self._whole]
            return
        self._single = [Journal(run / training_file(i)) for i in range(trainings)]
        for trial in self._whole.trials.values():
            if trial.by_seed is None and trial.number not in self._single[0].trials:
                self._single[0].append(trial)
        for number in self._single[0].trials:
            self._complete(number)

    def check(self, chosen: Sequence[Trial]) -> None:
        """Check that what the journals hold of these finalists is of them.

        Args:
            chosen: Finalists.

        Raises:
            UsageError: They hold other candidates.
        """
        for journal in self._single:
            for t in chosen:
                if t.number in journal.trials and journal.trials[t.number].id != t.id:
                    raise UsageError(
                        f"{journal.path}: trial {t.number} is another candidate than in this search; delete the file to "
                        "score again"
                    )

    def missing(self, chosen: Sequence[Trial]) -> list[tuple[Trial, int]]:
        """The trainings that are left to do.

        Args:
            chosen: Finalists.

        Returns:
            Finalists and numbers of trainings. The longest come first, so that no process ends long after the others.
        """
        left = [(t, i) for i, journal in enumerate(self._single) for t in chosen if t.number not in journal.trials]
        return sorted(left, key=lambda job: -job[0].macs)

    def append(self, training: int, trial: Trial) -> Trial | None:
        """Write the score of a training to the disk.

        Args:
            training: Its number.
            trial: The finalist with this score.

        Returns:
            The finalist with the mean over its trainings, if this was the last one.
        """
        self._single[training].append(trial)
        return self._complete(trial.number)

    def finished(self, chosen: Sequence[Trial]) -> list[Trial]:
        """The finalists whose trainings have all ended.

        Args:
            chosen: Finalists.

        Returns:
            Their second scores, in this order.
        """
        return [self._whole.trials[t.number] for t in chosen if self._is_complete(t.number)]

    def _is_complete(self, number: int) -> bool:
        trial = self._whole.trials.get(number)
        return trial is not None and (len(self._single) == 1 or len(trial.by_seed or ()) == len(self._single))

    def _complete(self, number: int) -> Trial | None:
        trainings = [journal.trials[number] for journal in self._single if number in journal.trials]
        if len(trainings) == len(self._single) > 1 and not self._is_complete(number):
            self._whole.append(mean_over_seeds(trainings))
        return self._whole.trials[number] if self._is_complete(number) else None
