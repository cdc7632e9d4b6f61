"""The command line: `hwasc VERB ...`. One module a verb, arguments and printing only; heavy imports inside."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import hwasc
from hwasc.cli.completion import SHELLS, PrintCompletion
from hwasc.cli.details import details_shown
from hwasc.cli.help_text import HelpFormatter
from hwasc.cli.output import accept_every_character
from hwasc.cli.termination import TERMINATED, Terminated, clears_up
from hwasc.parallel.module_path import leave_out_current_folder

VERBS = {
    "init": "write a settings file with every setting explained",
    "search": "find the best architecture within a budget",
    "distill": "train, quantize, export and measure an architecture",
    "profile": "what an architecture costs, layer by layer",
    "teach": "train the teachers and fit their fusion",
    "evaluate": "measure a finished model file on the test split",
    "predict": "classify recordings or a microphone with a finished model",
    "compare": "set distilled students side by side, over seeds",
    "budgets": "the bundled budgets",
    "spaces": "the bundled search spaces",
    "bench": "measure ranking by proxies, strategies, data loading, or firmware on emulated chips",
    "export": "write a distilled student as a file for a runtime",
    "data": "fetch a public data set, or check what a data folder holds",
    "submit": "write a submission to DCASE Task 1, 2024 or 2025",
}
TORCHRUN_VERBS = ("teach", "distill")  # several processes of torchrun train together
INTERRUPTED = 130
RESUMES = "finished parts are saved, the same command continues from there"


def parser() -> argparse.ArgumentParser:
    """The whole command line, without any heavy import."""
    top = argparse.ArgumentParser(
        prog="hwasc",
        description="Hardware-aware architecture search and compression for acoustic scene classification.",
        epilog="examples:\n  hwasc search --budget dcase2024 --data my_recordings\n"
        "  hwasc distill --arch best.json --data my_recordings\n  hwasc profile --arch best.json --budget dcase2024\n\n"
        "exit status: 0 done, 1 failure, 2 wrong use or a budget that cannot be met,\n"
        "130 interrupted, 143 ended by SIGTERM",
        formatter_class=HelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"hwasc {hwasc.__version__}")
    top.add_argument(
        "--print-completion",
        metavar="SHELL",
        choices=SHELLS,
        action=PrintCompletion,
        help=f"print the script that completes commands in {', '.join(SHELLS)}",
    )
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, about in VERBS.items():
        module = importlib.import_module(f"hwasc.cli.{name}_verb")
        sub = verbs.add_parser(
            name,
            help=about,
            description=module.__doc__,
            epilog=module.EXAMPLES,
            formatter_class=HelpFormatter,
        )
        module.arguments(sub)
        sub.set_defaults(call=module.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; an expected error ends in one line on standard error."""
    from hwasc.errors import HwascError

    leave_out_current_folder()
    accept_every_character()
    # One thread for each process: set before torch loads its OpenMP runtime, unless the user has set it.
    for name, value in (("OMP_NUM_THREADS", "1"), ("OMP_WAIT_POLICY", "passive"), ("GOMP_SPINCOUNT", "0")):
        os.environ.setdefault(name, value)
    args = parser().parse_args(argv)
    try:
        with clears_up(), details_shown(getattr(args, "verbose", False)):
            if "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1":
                _run_under_torchrun(args)
            else:
                args.call(args)
    except HwascError as e:
        return _fail(args, str(e), e.exit_status)
    except KeyboardInterrupt:
        return _fail(args, f"interrupted; {RESUMES}", INTERRUPTED)
    except Terminated:
        return _fail(args, f"ended by SIGTERM; {RESUMES}", TERMINATED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as e:
        full = e.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "; free some space and run the same command again" if full else ""
        return _fail(args, f"{e.filename or 'file'}: {e.strerror or e}{advice}", 1)
    except Exception as e:
        if os.environ.get("HWASC_DEBUG"):
            traceback.print_exc()
        return _fail(args, f"unexpected {type(e).__name__}: {e} (HWASC_DEBUG=1 shows where; please report it)", 1)
    return 0


def _run_under_torchrun(args: argparse.Namespace) -> None:
    """A command that torchrun started in several processes: the first runs it, the others train with it."""
    from hwasc.errors import UsageError
    from hwasc.parallel import torchrun_workers

    if args.verb not in TORCHRUN_VERBS:
        if os.environ["RANK"] != "0":
            sys.exit(UsageError.exit_status)  # the first process prints the message
        raise UsageError(
            f"torchrun works with {' and '.join(TORCHRUN_VERBS)} only; start hwasc {args.verb} as a single process"
        )
    with torchrun_workers.init_ranks() as is_first:
        if is_first:
            args.call(args)
        else:
            torchrun_workers.worker_loop()


def _fail(args: argparse.Namespace, message: str, status: int) -> int:
    print(f"hwasc {args.verb}: {' '.join(message.split())}", file=sys.stderr)
    return status
