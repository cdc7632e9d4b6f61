"""One table of parts by name: the built-in ones, those that a program registers, those that installed packages bring."""

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
    """What a part that is given as an object is called in records: its module and its name, or its class's."""
    named = part if hasattr(part, "__qualname__") else type(part)
    return f"{named.__module__}:{named.__qualname__}"


class Registry(Generic[T]):
    """Parts of one kind by name; nothing is imported before it is asked for.

    A name is looked up first among the built-in parts, then among the registered ones, then among the entry points of
    installed packages. A package brings a part by an entry point in its own metadata::

        [project.entry-points."hwasc.blocks"]
        dws = "hwasc_little.block:DepthwiseSeparable"

    Worker processes find the parts of installed packages by themselves. They find what `register` added only if they
    import the same module.
    """

    def __init__(self, kind: str, group: str, builtins: Mapping[str, str]) -> None:
        """An empty table but for the built-in parts.

        Args:
            kind: what a part is called in messages, in the singular ("block").
            group: the group of the entry points ("hwasc.blocks").
            builtins: name to "module:attribute", in the order in which names are listed.
        """
        self.kind, self.group, self.builtins = kind, group, dict(builtins)
        self._parts: dict[str, T] = {}  # imported or registered

    def __contains__(self, name: object) -> bool:
        # The metadata of installed packages are read only if they may matter.
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
            UsageError: the name is unknown; the nearest known one is named.
        """
        if name not in self:
            suggestion = did_you_mean(name, self.names()) or f" (known: {', '.join(self.names())})"
            raise UsageError(f"{self.kind} '{name}' is not known{suggestion}")
        return name

    def get(self, name: str) -> T:
        """The part with that name.

        Raises:
            UsageError: the name is unknown (the nearest known one is named), two packages bring it, or its module cannot be
                imported.
        """
        if name not in self._parts:
            self._parts[name] = self._load(name)
        return self._parts[name]

    def register(self, name: str, *, replace: bool = False) -> Callable[[P], P]:
        """A decorator that adds a part under a name.

        Args:
            name: what the part is called.
            replace: whether a part that was registered earlier gives way. Built-in and installed ones never do.

        Raises:
            UsageError: another part has the name.
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
        """Add a part for the length of a `with` block; for tests and notebooks."""
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
        # A module that an entry point leads to may register its part by itself.
        own = getattr(part, "__module__", None)
        return any(entry.module != own for entry in self._installed.get(name, []))

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
        except Exception as e:  # whatever the module does when it is imported
            reason = " ".join(str(e).split())
            raise UsageError(
                f"{self.kind} '{name}' of the package {packages} cannot be imported: {type(e).__name__}: {reason}"
            ) from e
        return part
