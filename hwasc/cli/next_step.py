"""The command that comes next, ready to be pasted."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence


def next_step(words: Sequence[object]) -> None:
    """Print a command of hwasc as the next step.

    Args:
        words: The verb and its arguments, as the shell passes them.
    """
    print(f"next         hwasc {shlex.join(map(str, words))}")  # not broken into lines: it can be pasted


def data_options(args: argparse.Namespace) -> list[str]:
    """The options of data and settings that a command was given, for a next command that inherits nothing.

    Args:
        args: Parsed arguments, those of `common.add_data` among them.

    Returns:
        The options as words.
    """
    given = [
        ("--data", args.data),
        ("--config", args.config),
        ("--effort", args.effort),
        *(("--set", text) for text in args.overrides),
        ("--seed", args.seed),
        ("--cache", args.cache),
    ]
    return [str(word) for option, value in given if value is not None for word in (option, value)]
