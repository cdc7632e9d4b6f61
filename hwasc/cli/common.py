"""Arguments that several verbs share, the workspace that they open, and the printing of results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import hwasc
from hwasc.errors import UsageError
from hwasc.parts import ENGINES
from hwasc.records.effort import EFFORTS
from hwasc.registry import Registry

if TYPE_CHECKING:
    from hwasc.progress import Column
    from hwasc.workspace import Workspace


def whole(minimum: int) -> Any:
    """An argument type: a whole number of at least `minimum`."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if value < minimum:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {minimum}, found '{text}'")
        return value

    return number


def add_part(parser: argparse._ActionsContainer, option: str, registry: Registry[Any], **rest: Any) -> None:
    """Add an option whose value is the name of a part. Installed packages are read only for names that are not built in.

    Args:
        parser: The parser that gets the option.
        option: Its name, e.g. `--strategy`.
        registry: The known parts.
        **rest: As for `add_argument`; `%(choices)s` in `help` stands for all names.
    """

    def name(text: str) -> str:
        try:
            return registry.check(text)
        except UsageError as e:
            raise argparse.ArgumentTypeError(str(e)) from None

    parser.add_argument(option, metavar="NAME", type=name, choices=registry, **rest)  # type: ignore[arg-type]


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the options of data, settings and machine."""
    data = parser.add_argument_group("data and settings")
    data.add_argument("--data", metavar="DIR", help="TAU 2022 Mobile, a folder of recordings, or 'synthetic' (default)")
    data.add_argument(
        "--like",
        metavar="RUN",
        type=Path,
        help="a run folder whose data, cache and settings are used where none are given here",
    )
    data.add_argument("--config", metavar="FILE", type=Path, help="settings file (YAML)")
    data.add_argument(
        "--set", metavar="A.B=C", action="append", default=[], dest="overrides", help="one setting; repeatable"
    )
    data.add_argument(
        "--effort",
        choices=EFFORTS,
        help="quick, default or thorough: sets of settings, which --config and --set change",
    )
    data.add_argument("--seed", type=whole(0), help="determines every random draw (default 0)")
    machine = parser.add_argument_group("machine")
    machine.add_argument(
        "--cache", metavar="DIR", type=Path, help="features, teachers, logits (default $HWASC_CACHE or ~/.cache/hwasc)"
    )
    machine.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default auto)")
    machine.add_argument(
        "--workers", type=whole(1), default=1, help="processes; the result does not depend on it (default 1)"
    )
    add_output(parser)


def add_sample_rate(parser: argparse._ActionsContainer, what: str) -> None:
    """Add the option for microphones of another sample rate.

    Args:
        parser: The parser that gets the option.
        what: What it changes, for the help.
    """
    parser.add_argument(
        "--sample-rate",
        type=whole(1_000),
        metavar="HZ",
        help=f"of the microphone, e.g. 16000: {what}; windows and hops keep their length in time (default: 32000)",
    )


def add_unseen(parser: argparse.ArgumentParser) -> None:
    """Add the option for models whose training clips are not recorded."""
    parser.add_argument(
        "--unseen",
        action="store_true",
        help="you vouch that a model, a search or a teacher that lacks the record of its training clips was trained on none of "
        "these clips; where there is a record, its clips are left out in any case",
    )


def add_embed(parser: argparse.ArgumentParser) -> None:
    """Add the option of copies of sound in a page."""
    parser.add_argument(
        "--embed",
        type=whole(0),
        default=0,
        metavar="N",
        help="put copies of the sound of the N surest mistakes into the page, so that it can be sent along; without it the page "
        "links to your files. The terms of some data sets, TAU's among them, forbid passing their sound on (default 0)",
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add the options of the engine."""
    engine = parser.add_argument_group("engine", "where candidates are scored; no score depends on it")
    add_part(
        engine,
        "--engine",
        ENGINES,
        default="local",
        help="local: --workers processes of this machine; ray: a Ray cluster, or one started here with --workers CPUs "
        "(default local)",
    )
    engine.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="of a running Ray cluster, or 'auto'; all its nodes need hwasc and the same --cache folder at the same path",
    )


def add_track(parser: argparse._ActionsContainer) -> None:
    """Add the option that shows figures while a command runs."""
    parser.add_argument(
        "--track",
        choices=("tensorboard", "mlflow", "wandb"),
        help="show figures while they come: in the folder `tensorboard` of the run folder, in MLflow (MLFLOW_TRACKING_URI, or "
        "mlflow.db there), or in Weights & Biases; each is an extra of the package, e.g. hwasc[tensorboard]",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add the options of the output."""
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    output.add_argument("--quiet", action="store_true", help="no progress, only results and errors")
    output.add_argument("--verbose", action="store_true", help="also what each step within a stage took")


def workspace(
    args: argparse.Namespace,
    seed_offset: int = 0,
    split: Literal["test", "all"] = "test",
    like: Path | None = None,
) -> Workspace:
    """Open the workspace that the shared arguments describe; a folder is read when a verb first needs its clips.

    Args:
        args: Parsed arguments, those of `add_data` among them.
        seed_offset: Added to the seed.
        split: `all` opens the folder without splits.
        like: The run folder that --like stands for where it is not given; None: none. --config and --effort name all settings;
            --set and --seed change single ones.

    Returns:
        Data, settings, cache and device.
    """
    from hwasc.records.earlier_run import read_run
    from hwasc.records.settings import Settings

    effort = [f"effort={args.effort}"] if args.effort else []
    rate = getattr(args, "sample_rate", None)
    single = [*args.overrides, *([f"data.sample_rate={rate}"] if rate else [])]
    like = args.like or like
    if like is not None and not (args.config or effort):
        settings = read_run(like).settings.changed(single, args.seed)
    else:
        settings = Settings.load(args.config, [*effort, *single], args.seed)
    return hwasc.open(
        args.data,
        settings=replace(settings, seed=settings.seed + seed_offset),
        like=like,
        cache=args.cache,
        device=args.device,
        workers=args.workers,
        progress=not args.quiet,
        split=split,
        later=True,
    )


def print_text(text: str) -> None:
    """Print lines of results on standard output, each broken between words where it is longer than the terminal is wide.

    Args:
        text: One line or several.
    """
    from rich.console import Console

    from hwasc.progress import wrapped

    console = Console()
    for line in text.split("\n"):
        print(wrapped(console, line))


def print_table(head: Sequence[str | Column], rows: Sequence[Sequence[object]]) -> None:
    """Print a table of results on standard output, and an empty line after it.

    Args:
        head: Names of the columns, or more of them, for narrow terminals.
        rows: Cells of each row, as many as there are columns.
    """
    from rich.console import Console

    from hwasc.progress import print_table as print_on

    print_on(Console(highlight=False, markup=False, emoji=False), head, rows)
    print()


def print_json(value: Any) -> None:
    """Print a record as JSON on standard output."""
    from hwasc.records.writing import indented

    print(indented(value, "the result"))
