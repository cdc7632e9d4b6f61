"""A family of teachers: nets of one structure, of any width and for any front end."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from hwasc.parts import TEACHERS
from hwasc.records.front_end import FrontEnd


@dataclass(frozen=True, kw_only=True)
class Family:
    """Teachers of one structure: calling it with (classes, width, front_end) gives the module.

    The module takes log-mels (B, 1, mels, frames) and gives logits (B, classes). `make` raises ValueError where it cannot take
    the width or the front end. It is a module's top-level function, so that a family can be pickled for other processes.

    Attributes:
        name: Letters, digits and underscores.
        make: Builds a module by torch's global generator.
        width: The default, for a laptop (5 to 15 million MACs at 64 mels x 33 frames); at least 1.
        about: One line for people: what is special about it, what the width counts.
        paper: The front end of the paper for a clip of 1 s; `front_end: paper` of a member selects it.
        global_context: What an output depends on besides its receptive field, and through which layer; may be empty.
    """

    name: str
    make: Callable[[int, int, FrontEnd], nn.Module]
    width: int
    about: str
    paper: FrontEnd
    global_context: str = ""

    def __call__(self, classes: int, width: int, front_end: FrontEnd) -> nn.Module:
        return self.make(classes, width, front_end)

    @property
    def code(self) -> str:
        """A hash of the module that builds it, so that caches do not reuse what an older version of a family gave.

        Empty for built-in families, which change with hwasc's version.
        """
        if self.name in TEACHERS.builtins:
            return ""
        for place in (inspect.getmodule(self.make), self.make):
            try:
                return hashlib.sha256(inspect.getsource(place).encode()).hexdigest()[:16]  # type: ignore[arg-type]
            except (OSError, TypeError):  # the source is not available, as in a notebook
                continue
        return self.make.__qualname__


def provide(family: Family) -> str:
    """Register a family under its name in this process; it replaces one of an earlier call.

    Args:
        family: Any family.

    Returns:
        Its name, as members give it in `family`.

    Raises:
        UsageError: A built-in or installed family has the name.
    """
    if family.name not in TEACHERS or TEACHERS.get(family.name) != family:
        TEACHERS.register(family.name, replace=True)(family)
    return family.name
