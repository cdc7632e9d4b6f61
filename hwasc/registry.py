"""A table of parts by name: built-in ones, those that a program registers, and those of installed packages."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from hwasc.errors import UsageError
from hwasc.suggestion import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
P = TypeVar("P")


def name_of(part: object) -> str:
    """The name in records of a part that was given as an object: its module and its name, or those of its class."""
    named = part if hasattr(part, "__qualname__") else type(part)
    return f"{named.__module__}:{named.__qualname__}"


class Registry(Generic[T]):
    """Parts of one kind by name; a part is imported when it is first used.

    A name is looked up first among the built-in parts, then among the registered ones, then among the entry points of
    installed packages. A package adds a part by an entry point in its metadata::

        [project.entry-points."hwasc.blocks"]
        dws = "hwasc_little.block:DepthwiseSeparable"

    Worker processes find the parts of installed packages. They find registered parts only if they import the same module.
    """

    def __init__(self, kind: str, group: str, builtins: Mapping[str, str]) -> None:
        """Create a table with the built-in parts.

        Args:
            kind: The noun for a part in messages, in the singular ("block").
            group: The group of the entry points ("hwasc.blocks").
            builtins: Name to "module:attribute", in the order in which names are listed.
        """
        self.kind, self.group, self.builtins = kind, group, dict(builtins)
        self._parts: dict[str, T] = {}  # imported or registered

    def __contains__(self, name: object) -> bool:
        # The metadata of installed packages are read only for names that are not found without them.
        return name in self.builtins or name in self._parts or name in self._installed

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def names(self) -> tuple[str, ...]:
        """Every known name: the built-in parts in their order, then the others by name."""
        others = {*self._parts, *self._installed} - set(self.builtins)
        return (*self.builtins, *sorted(others))

    def check(self, name: str) -> str:
        """The name itself, without importing anything.

        Raises:
            UsageError: The name is unknown; the message names the nearest known one.
        """
        if name not in self:
            suggestion = did_you_mean(name, self.names()) or f" (known: {', '.join(self.names())})"
            raise UsageError(f"{self.kind} '{name}' is not known{suggestion}")
        return name

    def get(self, name: str) -> T:
        """The part with that name.

        Raises:
            UsageError: The name is unknown (the message names the nearest known one), two packages add it, or its module
                cannot be imported.
        """
        if name not in self._parts:
            self._parts[name] = self._load(name)
        return self._parts[name]

    def register(self, name: str, *, replace: bool = False) -> Callable[[P], P]:
        """A decorator that adds a part under a name.

        Args:
            name: The part's name.
            replace: Whether it may replace a part that was registered earlier. Built-in and installed ones are never replaced.

        Returns:
            The decorator; it returns the part unchanged.

        Raises:
            UsageError: Another part has the name.
        """

        def add(part: P) -> P:
            if replace and name not in self.builtins and name not in self._installed:
                self._parts.pop(name, None)
            if self._is_taken(name, part):
                raise UsageError(f"there is already a {self.kind} '{name}'; choose another name")
            self._parts[name] = part  # type: ignore[assignment]
            return part

        return add

    @contextmanager
    def registered(self, name: str, part: T) -> Iterator[T]:
        """Add a part for the duration of a `with` block; for tests and notebooks.

        Args:
            name: The part's name.
            part: The part.

        Yields:
            The part.
        """
        self.register(name)(part)
        try:
            yield part
        finally:
            self._parts.pop(name, None)

    @cached_property
    def _installed(self) -> dict[str, list[EntryPoint]]:
        """The entry points of installed packages by name, read once."""
        from importlib.metadata import entry_points  # takes a third of the time of `hwasc --help`

        found: dict[str, list[EntryPoint]] = {}
        for entry in entry_points(group=self.group):
            if entry.value not in [other.value for other in found.get(entry.name, [])]:
                found.setdefault(entry.name, []).append(entry)
        return found

    def _is_taken(self, name: str, part: object) -> bool:
        if name in self.builtins or name in self._parts:
            return True
        # The module of an entry point may also register its part.
        module = getattr(part, "__module__", None)
        return any(entry.module != module for entry in self._installed.get(name, []))

    def _load(self, name: str) -> T:
        if name in self.builtins:
            module, _, attribute = self.builtins[name].partition(":")
            part: T = getattr(importlib.import_module(module), attribute)
            return part
        entries = self._installed.get(name, [])
        if not entries:
            self.check(name)
        packages = " and ".join(entry.dist.name if entry.dist else entry.value for entry in entries)
        if len(entries) > 1:
            raise UsageError(f"the packages {packages} both bring a {self.kind} '{name}'; uninstall one of them")
        try:
            part = entries[0].load()
        except Exception as e:  # a module can raise anything when it is imported
            reason = " ".join(str(e).split())
            raise UsageError(
                f"{self.kind} '{name}' of the package {packages} cannot be imported: {type(e).__name__}: {reason}"
            ) from e
        return part
