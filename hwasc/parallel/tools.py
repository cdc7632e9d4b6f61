"""Programs of the system, such as compilers and emulators: where they are, and one run of them with a time limit."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hwasc.errors import HwascError

SHOWN = 200  # characters of a failed program's own message


def find_tool(name: str, *, install: str) -> str:
    """Find a program.

    Args:
        name: Its name on the command line.
        install: What to do where it is missing, such as a command that installs it.

    Returns:
        Its path.

    Raises:
        HwascError: It is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise HwascError(f"{name} is not installed: {install}")
    return found


def run_tool(command: Sequence[str | Path], *, timeout: float, data: bytes = b"", cwd: Path | None = None) -> bytes:
    """Run a program to its end.

    Args:
        command: The program and its arguments; no shell reads them.
        timeout: Seconds until it is ended.
        data: What it reads from its standard input.
        cwd: The folder that it runs in.

    Returns:
        What it wrote to its standard output.

    Raises:
        HwascError: It failed or took too long; the message has the first line of its own that tells an error.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            [str(c) for c in command], input=data, capture_output=True, timeout=timeout, cwd=cwd, check=False
        )
    except subprocess.TimeoutExpired:
        raise HwascError(f"{name} was ended after {timeout:g} s: {' '.join(map(str, command[1:4]))} ...") from None
    except OSError as e:
        raise HwascError(f"{name} cannot be run: {e.strerror}") from None
    if done.returncode != 0:
        lines = [*done.stderr.decode(errors="replace").splitlines(), *done.stdout.decode(errors="replace").splitlines()]
        lines_of_error = (
            [line for line in lines if "error" in line.lower() or "undefined" in line] or lines or ["no message"]
        )
        raise HwascError(f"{name} failed with exit status {done.returncode}: {lines_of_error[0].strip()[:SHOWN]}")
    return done.stdout
