"""What a later command needs of a run folder to go on with the same data, settings and cache."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.budget import Budget
from hwasc.records.run import CONFIG, read_config
from hwasc.records.schema import STRICT
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace

INPUTS = "inputs.json"  # beside the configuration, which has no paths of one machine


@dataclass(frozen=True)
class RunInputs:
    """Where the data and the cache of a run lie on this machine.

    Attributes:
        data: The folder's absolute path, or `synthetic`.
        cache: The absolute path of the folder of caches.
    """

    data: str
    cache: str

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True, kw_only=True)
class EarlierRun:
    """A run folder as a later command sees it.

    Attributes:
        folder: The run folder.
        verb: What was run: `search`, `distill`.
        dataset: Fingerprint of the training and validation clips.
        inputs: Where data and cache lie; None in folders that older versions made.
        config: The whole configuration.
        environment: Command, versions, machine and date of its beginning; empty where that is not there.
    """

    folder: Path
    verb: str
    dataset: str
    inputs: RunInputs | None
    config: dict[str, Any]
    environment: dict[str, Any]

    @cached_property
    def settings(self) -> Settings:
        """All of them. UsageError where one names a part that is not known any more, e.g. a strategy given as an object."""
        return schema.parse(Settings, self.config.get("settings"), f"{self.folder / CONFIG}: settings")

    @property
    def data(self) -> str | None:
        """The data as they were named then, if that still names the same; else their absolute path, if it is known."""
        named = self.config.get("data")
        if self.inputs is None or (isinstance(named, str) and str(Path(named).absolute()) == self.inputs.data):
            return named if isinstance(named, str) else None
        return self.inputs.data

    @property
    def budget(self) -> Budget:
        """The budget of a search. UsageError where the run is none."""
        return schema.parse(Budget, self.config.get("budget"), f"{self.folder / CONFIG}: budget")

    @property
    def space(self) -> SearchSpace:
        """The space of a search. UsageError where the run is none."""
        return schema.parse(SearchSpace, self.config.get("space"), f"{self.folder / CONFIG}: space")


def is_run(folder: Path, verb: str | None = None) -> bool:
    """Whether a folder is a run folder.

    Args:
        folder: Any path.
        verb: Of this verb; None: of any.

    Returns:
        False too where its configuration is broken.
    """
    if not (folder / CONFIG).is_file():
        return False
    try:
        return verb is None or read_config(folder).get("verb") == verb
    except UsageError:
        return False


def write_inputs(folder: Path, inputs: RunInputs) -> None:
    """Write where the data and the cache of a run lie.

    Args:
        folder: The run folder.
        inputs: What is written.
    """
    schema.write_json(folder / INPUTS, inputs)


def read_run(folder: Path) -> EarlierRun:
    """Read what a run was made with.

    Args:
        folder: The run folder of a search or a distillation.

    Returns:
        Its settings, its data and its cache.

    Raises:
        UsageError: It is no run folder, or a file in it is broken.
    """
    config = read_config(folder)
    path, began = folder / INPUTS, folder / "environment.json"
    inputs = schema.parse(RunInputs, schema.read_json(path, "inputs"), str(path)) if path.is_file() else None
    return EarlierRun(
        folder=folder,
        verb=str(config.get("verb", "")),
        dataset=str(config.get("dataset", "")),
        inputs=inputs,
        config=config,
        environment=schema.read_json(began, "environment") if began.is_file() else {},
    )
