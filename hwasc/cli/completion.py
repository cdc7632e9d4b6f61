"""Completion of commands in a shell, by shtab."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

SHELLS = ("bash", "zsh", "tcsh")
NAMED = {"--budget": "budgets", "--space": "search_spaces"}  # options that take bundled names


class PrintCompletion(argparse.Action):
    """An option that prints the completion script of a shell, and ends."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Print and exit."""
        import shtab

        from hwasc.records import bundled

        for action in _actions(parser):
            kind = next((NAMED[option] for option in action.option_strings if option in NAMED), None)
            if kind:
                action.choices = bundled.names(kind)
            elif action.choices is not None:
                action.choices = list(action.choices) if not isinstance(action.choices, dict) else action.choices
            elif action.metavar == "DIR":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif action.type is Path or action.metavar in ("FILE", "SOURCE", "MODEL"):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
        print(shtab.complete(parser, str(values)))
        parser.exit(0)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All arguments of a parser and of its verbs."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from _actions(verb)
