"""Where modules are looked for: never in the current folder, unless its user put it there by name."""

from __future__ import annotations

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # of the package that runs


def leave_out_current_folder() -> None:
    """Take the current folder off this process's module path, and off that of all Python programs started from here.

    `python -m` and an empty entry in PYTHONPATH put it there: a `numpy.py` that lies beside the recordings would be run. It
    stays where PYTHONPATH names it by its whole path, and where hwasc itself lies in it. What Python has imported before
    this call cannot be helped; the command `hwasc` starts without the current folder.
    """
    named, here = clean_environment(), _current_folder()
    sys.path[:] = [p for p in sys.path if p]
    if here not in (os.path.realpath(ROOT), *(os.path.realpath(p) for p in named)):
        first = _first_of_python()  # what lies after it is no doing of -m or PYTHONPATH: here may be site-packages
        sys.path[:first] = [p for p in sys.path[:first] if os.path.realpath(p) != here]


def clean_environment() -> list[str]:
    """Let Python programs that are started from here, by whatever package, look for no module in the current folder.

    Returns:
        The folders that PYTHONPATH names.
    """
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    kept = [p for p in named if p and (os.path.isabs(p) or os.path.normpath(p) != os.curdir)]
    if kept != named and "PYTHONPATH" in os.environ:
        os.environ["PYTHONPATH"] = os.pathsep.join(kept)  # an empty value is as good as none
    os.environ["PYTHONSAFEPATH"] = "1"  # from Python 3.11 on
    return kept


def path_for_children() -> list[str]:
    """The module path of a child process: this process's own, and hwasc.

    The current folder, which an interactive Python has on its path as an empty entry, comes last: there it hides nothing.

    Returns:
        Absolute paths.
    """
    path = [p for p in sys.path if p]
    last = [_current_folder()] if len(path) < len(sys.path) else []
    return [*path, *(p for p in (*last, ROOT) if p and p not in path)]


def _current_folder() -> str:
    """Its whole path; none where it was deleted."""
    try:
        return os.path.realpath(os.getcwd())
    except OSError:
        return ""


def _first_of_python() -> int:
    """Position of Python's own first folder."""
    own = os.path.dirname(os.__file__)
    return next((i for i, p in enumerate(sys.path) if p == own or p.endswith(".zip")), len(sys.path))
