"""What killed commands leave goes at the next start; what living ones write stays."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from hwasc.records import leftovers
from hwasc.records.leftovers import aside, sweep_files, sweep_unfinished, temporary_folder
from hwasc.records.schema import write_whole


def dead() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as process:
        pass
    return process.pid


def touch(path: Path, age: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.mark.parametrize("name", ["best.json", "float.ckpt", "caf\udce9.html"])
def test_files_of_ended_processes_go_and_those_of_living_ones_stay(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle, mine = aside(tmp_path / name)
    os.close(handle)
    monkeypatch.setattr(os, "getpid", dead)
    handle, theirs = aside(tmp_path / name)
    os.close(handle)
    monkeypatch.undo()
    touch(tmp_path / name)
    sweep_files(tmp_path)
    assert mine.exists() and not theirs.exists() and (tmp_path / name).exists()
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(mine.stat().st_mode) == 0o666 & ~umask


OF_EARLIER_VERSIONS = (".best.json.k3j_4h5g", "tmpab12cd_e.part", "float.4711.part", ".report.html.abcd1234")
OF_OTHERS = (
    "best.json",
    ".lock",
    ".lock.json",
    ".gitignore",
    "notes.part",
    ".hidden.settings",
    "tmp.part",
    "audio.wav.part",
)


@pytest.mark.parametrize("name", OF_EARLIER_VERSIONS)
def test_what_earlier_versions_left_goes_when_it_is_old_or_nobody_else_writes(name: str, tmp_path: Path) -> None:
    file = touch(tmp_path / "teachers" / name)
    sweep_files(tmp_path)
    assert file.exists(), "another process may be writing it"
    touch(file, age=2 * leftovers.OLD)
    sweep_files(tmp_path)
    assert not file.exists()
    touch(file)
    sweep_files(tmp_path, all_old=True)
    assert not file.exists()


@pytest.mark.parametrize("name", OF_OTHERS)
def test_files_of_people_stay(name: str, tmp_path: Path) -> None:
    file = touch(tmp_path / name, age=9 * leftovers.OLD)
    sweep_files(tmp_path, all_old=True)
    assert file.exists()


def test_files_of_another_machine_stay_for_a_day(tmp_path: Path) -> None:
    file = touch(tmp_path / ".best.json.p1-00000000.abcd1234.part")
    sweep_files(tmp_path, all_old=True)
    assert file.exists()
    touch(file, age=2 * leftovers.OLD)
    sweep_files(tmp_path)
    assert not file.exists()


@pytest.mark.parametrize("name", ["v1-3-2", "scenes", "caf\udce9"])
def test_unfinished_folders_go_unless_their_lock_is_held(name: str, tmp_path: Path) -> None:
    folder = tmp_path / f".{name}-a1b2c3_4"
    touch(folder / "audio" / "a.wav")
    with FileLock(tmp_path / f".{name}.lock"):
        sweep_unfinished(tmp_path)
        assert folder.is_dir()
    (tmp_path / name).mkdir()
    sweep_unfinished(tmp_path)
    assert not folder.exists() and (tmp_path / name).is_dir()


PROGRAM = """
import sys, time
from pathlib import Path
from hwasc.records.leftovers import temporary_folder
with temporary_folder("hwasc-test-", Path(sys.argv[1])) as folder:
    (folder / "file").write_text("x")
    print("go", flush=True)
    time.sleep(60)
"""


def test_the_temporary_folder_of_a_killed_process_goes_at_the_next_start(tmp_path: Path) -> None:
    living, killed = (
        subprocess.Popen([sys.executable, "-c", PROGRAM, tmp_path], stdout=subprocess.PIPE) for _ in range(2)
    )
    for process in (living, killed):
        assert process.stdout is not None and process.stdout.readline() == b"go\n"
    assert len(list(tmp_path.iterdir())) == 2
    killed.kill()
    killed.wait()
    with temporary_folder("hwasc-test-", tmp_path):
        assert len(list(tmp_path.iterdir())) == 2, "its own, and that of the living"
    living.kill()
    living.wait()


def test_text_with_bytes_of_a_file_name_is_written_as_utf8(tmp_path: Path) -> None:
    write_whole(tmp_path / "page.html", "<p>caf\udce9 – ä</p>")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "<p>caf\\udce9 – ä</p>"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
