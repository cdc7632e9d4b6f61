"""What every verb starts from: the data set, the settings, the cache, the device, and where to report."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import torch

from hwasc.audio.augmentation import load_responses
from hwasc.data import fingerprints, known_clips, nets
from hwasc.data.cache_folder import default_cache
from hwasc.data.changes import Change
from hwasc.data.clips import Clip, Dataset
from hwasc.data.features import Features, extract, unextracted
from hwasc.data.layouts import Options
from hwasc.data.opening import open_dataset
from hwasc.data.probing import probe
from hwasc.data.source import DataSource
from hwasc.data.synthetic import VERSION, SyntheticSpec, generate
from hwasc.data.synthetic.checking import discard_if_damaged
from hwasc.data.synthetic.scenes import SCENES
from hwasc.errors import UsageError
from hwasc.parallel.device import configure_process, pick_device
from hwasc.parallel.processes import as_finished, processes
from hwasc.progress import Reporter
from hwasc.records import training_clips
from hwasc.records.data_settings import AugmentSettings
from hwasc.records.earlier_run import RunInputs
from hwasc.records.front_end import FrontEnd
from hwasc.records.leftovers import sweep_files, sweep_unfinished
from hwasc.records.settings import Settings
from hwasc.records.training_clips import TrainingClips
from hwasc.tracking import Tracker
from hwasc.training.batches import Augment

SYNTHETIC = "synthetic"
MOST_SKETCHES = 20_000  # recordings


@dataclass(frozen=True)
class Workspace:
    """What every verb starts from.

    Attributes:
        source: The data set, opened when it is first needed.
        settings: The whole tree of settings.
        cache: Folder of features, teachers, logits and supernets, by content.
        device: Where nets run.
        workers: Processes on this machine. No result depends on their number.
        reporter: Shows progress.
        tracker: Takes figures while a run computes them.
        missing_nets: Names of public nets of optional teachers that `hwasc data fetch` has not put into the cache.
    """

    source: DataSource
    settings: Settings
    cache: Path
    device: torch.device
    workers: int = 1
    reporter: Reporter = field(default_factory=lambda: Reporter(quiet=True))
    missing_nets: tuple[str, ...] = ()
    tracker: Tracker = field(default_factory=Tracker)

    @property
    def data(self) -> str:
        """The data set as the user named it: a folder, or `synthetic`."""
        return self.source.name

    @property
    def inputs(self) -> RunInputs:
        """Where data and cache lie, for the run folder."""
        data = self.data if self.data == SYNTHETIC else str(Path(self.data).absolute())
        return RunInputs(data=data, cache=str(self.cache.absolute()))

    @property
    def dataset(self) -> Dataset:
        """Clips and splits."""
        return self.source.dataset

    @property
    def classes(self) -> tuple[str, ...]:
        """The scenes, known before the embedded ones are simulated."""
        return self.source.classes

    def features(
        self, clips: Sequence[Clip], front_end: FrontEnd, what: str, *, change: Change | None = None, minor: bool = True
    ) -> Features:
        """Log-mel features of clips, from the cache or extracted with a progress bar.

        Args:
            clips: What to extract.
            front_end: The log-mel.
            what: The split's name, for the bar.
            change: What is done to the waveforms first.
            minor: See `Reporter.track`.

        Returns:
            The features of all clips that can be read.

        Raises:
            DataError: Too many clips cannot be read.
        """
        with self.reporter.track(f"features {front_end} ({what})", len(clips), minor=minor) as update:
            return extract(
                clips,
                self.dataset.classes,
                front_end,
                self.cache / "features",
                change=change,
                workers=self.workers,
                max_unreadable=self.settings.data.max_unreadable,
                notify=self.reporter.say_once,
                progress=lambda stage, done, total: update(done, stage),
            )

    def prepare(self, front_ends: Sequence[FrontEnd]) -> None:
        """Extract the features of training and validation clips through many front ends, one front end a process.

        To start processes anew for each front end would take longer than its clips do.

        Args:
            front_ends: Of a search space's points.
        """
        d, cache = self.dataset, self.cache / "features"
        work = [(clips, fe) for clips in (d.train, d.validation) for fe in unextracted(clips, front_ends, cache)]
        if self.workers < 2 or len(work) < 2:
            return  # `features` does as well
        most = self.settings.data.max_unreadable
        what = f"features of {len(front_ends)} front ends"
        with self.reporter.track(what, len(work), minor=True) as update, processes(self.workers) as executor:
            extract_quietly = partial(_extract, classes=d.classes, cache=cache, max_unreadable=most)
            jobs = (executor.submit(extract_quietly, clips, fe) for clips, fe in work)
            for done, _ in enumerate(as_finished(jobs), 1):
                update(done, "")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the training and validation clips: names, scenes, contents of the files. 16 hexadecimal digits."""
        return self.fingerprint_of(self.dataset.train, self.dataset.validation)

    def fingerprint_of(self, *splits: Sequence[Clip]) -> str:
        """Hash of the clips of some splits: names, scenes, contents of the files. 16 hexadecimal digits."""
        return known_clips.fingerprint(splits, self._hashes([c for split in splits for c in split]))

    @cached_property
    def training_clips(self) -> TrainingClips:
        """The recordings of the training and the validation split, as a record that is kept in the cache, too."""
        return self._record(validation=self.dataset.validation)

    @cached_property
    def teacher_clips(self) -> TrainingClips:
        """The recordings that teachers are trained on, those of the training split, as a record in the cache."""
        return self._record(validation=())

    def remember(self, record: TrainingClips) -> TrainingClips:
        """Keep a record of training clips in the cache, where models that name it find it.

        Args:
            record: The record.

        Returns:
            The same record.
        """
        with contextlib.suppress(OSError):  # a read-only cache: the record lies beside the model, too
            training_clips.save(record, training_clips.cached(self.cache, record.digest))
        return record

    def at_new_places(self, clips: Sequence[Clip], record: TrainingClips) -> tuple[Clip, ...]:
        """The clips at locations of which nothing was used to train or to choose a model.

        Args:
            clips: The clips.
            record: The recordings that were used.

        Returns:
            Those of the clips, in order.
        """

        def alike(paths: list[Path], known: list[str]) -> list[bool]:
            sketches = self._sketches(paths)
            return fingerprints.known([sketches.get(path, "") for path in paths], known)

        places = known_clips.known_places(clips, record, hashes=self._hashes(clips), alike=alike)
        return tuple(c for c in clips if c.location not in places)

    def _record(self, *, validation: Sequence[Clip]) -> TrainingClips:
        d = self.dataset
        described = known_clips.describe(
            self.data if self.data == SYNTHETIC else d.name,
            train=d.train,
            validation=validation,
            hashes=self._hashes([*d.train, *validation]),
            sketches=self._sketches([c.path for c in (*d.train, *validation)]),
        )
        return self.remember(described)

    def _sketches(self, paths: Sequence[Path]) -> dict[Path, str]:
        """Fingerprints of the sounds of recordings; of very many none, because one takes a tenth of a millisecond."""
        paths = list(dict.fromkeys(paths))
        if len(paths) > MOST_SKETCHES:
            return {}
        found = probe(paths, self.cache)
        return {path: p.sketch for path, p in zip(paths, found, strict=True) if not isinstance(p, str)}

    def _hashes(self, clips: Sequence[Clip]) -> dict[Path, str]:
        with self.reporter.track("hashing recordings", len({c.path for c in clips}), minor=True) as update:
            return known_clips.recording_hashes(clips, self.cache / "features", lambda done, _: update(done, "files"))

    def augment(self, front_end: FrontEnd, settings: AugmentSettings | None = None) -> Augment:
        """The augmentation of training batches.

        Args:
            front_end: Of the batches.
            settings: What is augmented; None: the run's `augment`.

        Returns:
            The augmentation, with impulse responses if a folder of them is named or comes with the data.

        Raises:
            UsageError: The named folder is not there.
        """
        s = settings or self.settings.augment
        folder = self.response_folder(s)
        return Augment(s, load_responses(folder, front_end) if folder else None, front_end)

    def response_folder(self, settings: AugmentSettings) -> Path | None:
        """Find the folder of impulse responses.

        Args:
            settings: The folder's name, if it has one.

        Returns:
            The folder; None where none is named or comes with the data, or clips are not to be convolved.

        Raises:
            UsageError: The named folder is not there.
        """
        named = settings.response_folder
        folder = Path(named) if named else self.dataset.root / "impulse_responses"
        if named and not folder.is_dir():
            raise UsageError(f"augment.response_folder: {folder} is no folder")
        return folder if settings.response_p > 0 and folder.is_dir() else None


def _extract(
    clips: Sequence[Clip], front_end: FrontEnd, *, classes: Sequence[str], cache: Path, max_unreadable: float
) -> None:
    extract(clips, classes, front_end, cache, max_unreadable=max_unreadable)


def open_workspace(
    data: str | Path | None,
    settings: Settings,
    *,
    cache: Path | None = None,
    device: str = "auto",
    workers: int = 1,
    reporter: Reporter | None = None,
    split: Literal["test", "all"] = "test",
    later: bool = False,
) -> Workspace:
    """Choose the device and open a data set.

    Args:
        data: A folder, `synthetic`, or None for the embedded scenes. These are simulated when they are first needed.
        settings: The whole tree.
        cache: None: `default_cache()`.
        device: `auto`, or a name that torch knows.
        workers: Processes on this machine.
        reporter: Shows progress; None: nothing is shown.
        split: `all`: the folder is not split, every clip is a test clip.
        later: A folder, too, is opened when it is first needed. That it is there is looked at now.

    Returns:
        The workspace.

    Raises:
        DataError: The folder cannot be used.
        UsageError: A setting of the data is wrong, or the device is not there.
    """
    configure_process()
    chosen = pick_device(device)  # before anything is read or said
    reporter = reporter or Reporter(quiet=True)
    cache = cache or default_cache()
    sweep_files(cache)  # what commands left that were killed
    sweep_unfinished(cache / "synthetic")
    settings, missing_nets = _with_present_teachers(settings, cache)
    name = str(data) if data is not None else SYNTHETIC
    if data is None:
        reporter.say(
            "no data named: using the embedded simulated scenes (`synthetic`); name a folder to use your own recordings"
        )

    def open_it() -> Dataset:
        root = synthetic_root(settings, cache, workers, reporter) if name == SYNTHETIC else Path(name)
        return _opened(root, settings, reporter, cache=cache, split=split)

    classes = tuple(sorted(SCENES)) if name == SYNTHETIC else None
    source = DataSource(name, open_it, classes, named=data is not None)
    if name == SYNTHETIC:
        _spec(settings)  # a wrong setting is named before anything is simulated
    elif not later or not Path(name).is_dir():
        _ = source.dataset
    return Workspace(
        source,
        settings,
        cache,
        device=chosen,
        workers=workers,
        reporter=reporter,
        missing_nets=missing_nets,
    )


def _with_present_teachers(settings: Settings, cache: Path) -> tuple[Settings, tuple[str, ...]]:
    """The settings without optional teachers that cannot be used, and the names of the nets that were not fetched."""
    members, missing = nets.present(settings.teachers.members, cache)
    if settings.distill.teacher_view == "augmented":  # of log-mels, from which a net of its own front end has nothing
        members = tuple(member for member in members if not member.optional)
    try:
        return replace(settings, teachers=replace(settings.teachers, members=members)), missing
    except ValueError as e:
        raise UsageError(f"teachers.{e}; of those, {', '.join(missing)} was not fetched") from None


def _opened(
    root: Path, settings: Settings, reporter: Reporter, *, cache: Path, split: Literal["test", "all"]
) -> Dataset:
    d = settings.data
    dataset = open_dataset(
        root,
        seconds=d.seconds,
        subset=d.subset,
        seed=settings.seed,
        validation_share=d.validation_share,
        test_share=d.test_share,
        fold=d.part(),
        split=split,
        options=Options.of(d),
        cache=cache,
    )
    for note in dataset.notes:
        reporter.say(note)
    reporter.say(
        f"data {dataset.name}: {len(dataset.classes)} classes; clips {len(dataset.train)} train, "
        f"{len(dataset.validation)} validation, {len(dataset.test)} test"
    )
    return dataset


def _spec(settings: Settings) -> SyntheticSpec:
    d = settings.data
    try:
        return SyntheticSpec(train_locations=d.synthetic_train_locations, test_locations=d.synthetic_test_locations)
    except ValueError as e:
        raise UsageError(f"data synthetic: {e}") from None


def synthetic_root(settings: Settings, cache: Path, workers: int, reporter: Reporter) -> Path:
    """The folder of the embedded data set, simulated if it is not there yet. Its seed is fixed and not the run's.

    Args:
        settings: How many locations there are.
        cache: The folder of caches.
        workers: Processes.
        reporter: Shows progress.

    Returns:
        The folder, in TAU's layout.

    Raises:
        UsageError: A size is wrong.
    """
    spec = _spec(settings)
    root = cache / "synthetic" / f"v{VERSION}-{spec.train_locations}-{spec.test_locations}"
    with reporter.track("checking the simulated scenes", spec.clips) as update:
        discard_if_damaged(root, cache / "features", reporter.say, lambda done, _: update(done, "files"))
    try:
        with reporter.track("simulating scenes", spec.clips) as update:
            return generate(root, spec, workers=workers, progress=lambda done, _: update(done, "clips"))
    except ValueError as e:
        raise UsageError(f"data synthetic: {e}") from None
