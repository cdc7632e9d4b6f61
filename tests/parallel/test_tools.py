"""Programs of the system: found or named with what installs them, ended in time, their failure given in one line."""

from __future__ import annotations

import os
import sys

import pytest

from hwasc.errors import HwascError
from hwasc.parallel.tools import find_tool, run_tool


def test_a_missing_program_is_named_with_what_installs_it() -> None:
    with pytest.raises(HwascError, match="no-such-compiler is not installed: apt-get install it"):
        find_tool("no-such-compiler", install="apt-get install it")


def test_output_comes_back_and_input_goes_in() -> None:
    code = "import sys; sys.stdout.write(sys.stdin.read().upper())"
    assert run_tool([sys.executable, "-c", code], timeout=60, data=b"samples") == b"SAMPLES"


def test_a_failure_is_one_line_and_tells_the_error() -> None:
    code = "import sys; print('notes', file=sys.stderr); print('a.c:3: error: no;', file=sys.stderr); sys.exit(4)"
    with pytest.raises(HwascError, match=r"failed with exit status 4: a.c:3: error: no;$"):
        run_tool([sys.executable, "-c", code], timeout=60)


@pytest.mark.skipif(os.name != "posix", reason="sleep is a program of POSIX")
def test_a_program_that_does_not_end_is_ended() -> None:
    with pytest.raises(HwascError, match=r"ended after 0.2 s"):
        run_tool(["sleep", "30"], timeout=0.2)
