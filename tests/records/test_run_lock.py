"""One command at a time in a run folder; a killed one keeps nobody out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hwasc.errors import HwascError, UsageError
from hwasc.records.run_lock import alone_in_run_folder, locked_run

PROGRAM = """
import sys, time
from pathlib import Path
from hwasc.records.run_lock import locked_run
sys.argv[:] = ["hwasc", "search", "--data", "x"]
with locked_run(Path({folder!r})):
    (Path({folder!r}) / "config.yaml").write_text("a: 1")
    (Path({folder!r}) / ".best.json.p{dead}-00000000.ab.part").write_text("")
    (Path({folder!r}) / "tmpabcdefgh.part").write_text("")
    print("go", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_which_process_it_is_and_a_killed_one_keeps_nobody_out(tmp_path: Path) -> None:
    run = tmp_path / "run"
    program = PROGRAM.format(folder=str(run), dead=1)
    first = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert first.stdout is not None and first.stdout.readline() == b"go\n"
    with (
        pytest.raises(HwascError, match=rf"run: 'hwasc search' \(process {first.pid} on .*wait .*--run") as e,
        locked_run(run),
    ):
        pass
    assert e.value.exit_status == 1 and "\n" not in str(e.value)
    first.kill()
    first.wait()
    with locked_run(run):
        assert (run / "config.yaml").exists() and not (run / "tmpabcdefgh.part").exists()
    with locked_run(run):
        pass


def test_functions_have_their_folder_alone_and_leave_no_trace_where_they_refuse(tmp_path: Path) -> None:
    @alone_in_run_folder
    def work(*, run: Path, refuse: bool = False) -> str:
        with pytest.raises(HwascError, match="working in this run folder"), locked_run(run):
            pass
        if refuse:
            raise UsageError("no")
        (run / "result.json").write_text("{}")
        return "done"

    with pytest.raises(UsageError, match="no"):
        work(run=tmp_path / "a", refuse=True)
    assert not (tmp_path / "a").exists()
    assert work(run=tmp_path / "b") == "done" and sorted(os.listdir(tmp_path / "b")) == [".lock", "result.json"]
    with pytest.raises(UsageError, match="no"):
        work(run=tmp_path / "b", refuse=True)
    assert (tmp_path / "b" / "result.json").exists()


@pytest.mark.parametrize(
    "holder", ["", "[]", "{}", '{"process": 1}', "\udcff".encode(errors="surrogateescape").decode("latin-1")]
)
def test_a_holder_that_left_no_name_is_another_command(holder: str, tmp_path: Path) -> None:
    with locked_run(tmp_path):
        (tmp_path / ".lock.json").write_text(holder, encoding="latin-1")
        with pytest.raises(HwascError, match="another command is working"), locked_run(tmp_path):
            pass


def test_a_file_is_no_run_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"), locked_run(tmp_path / "file"):
        pass
