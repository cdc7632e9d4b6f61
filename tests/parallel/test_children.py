"""Children of every kind look for no module in the current folder, and end with a parent that is killed."""

from __future__ import annotations

import ast
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from hwasc.parallel.module_path import ROOT, leave_out_current_folder, path_for_children

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")
PLANTED = (
    *("numpy", "pickle", "hwasc", "json", "torch", "struct", "runpy", "linecache", "re", "signal", "typing", "socket"),
    *("multiprocessing", "tflite_micro", "ai_edge_litert", "soundfile", "concurrent", "psutil", "sitecustomize"),
)
BEGIN = """
import os, sys, time
def busy():
    from ctypes import PyDLL
    PyDLL(None).sleep(60)  # holds the lock of the interpreter, as a long computation in C may
"""
POOL = """
from concurrent.futures import ProcessPoolExecutor
from hwasc.parallel.children import process_context
if __name__ == "__main__":
    with ProcessPoolExecutor(2, process_context()) as pool:
        {work}
"""
MODULE = """
import subprocess
from hwasc.parallel.children import start_module, start_python
if __name__ == "__main__":
    children = [start_module("{module}", stdin=subprocess.PIPE), start_python("{code}")]
    {work}
"""
NESTED = """
from hwasc.parallel.children import process_context
def middle():
    process_context().Process(target=busy).start()
    busy()
if __name__ == "__main__":
    process_context().Process(target=middle).start()
    print("go", flush=True)
    time.sleep(60)
"""
WAIT = 'print("go", flush=True); time.sleep(60)'
KILLED = {
    "pool": POOL.format(work=f"jobs = [pool.submit(busy) for _ in range(2)]; {WAIT}"),
    "child": MODULE.format(module="json.tool", code="from ctypes import PyDLL; PyDLL(None).sleep(60)", work=WAIT),
    "nested": NESTED,
    "importing": f"if __name__ == '__mp_main__':\n    time.sleep(60)\n{POOL.format(work=f'jobs = [pool.submit(busy)]; {WAIT}')}",
}


def planted(folder: Path) -> Path:
    """A folder with modules that leave a mark when they are run."""
    folder.mkdir()
    for name in PLANTED:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'ran')!r}, 'a').write({name!r} + chr(10))")
    return folder


def marks(folder: Path) -> list[str]:
    return sorted(set((folder / "ran").read_text().split())) if (folder / "ran").exists() else []


def run(program: Path, cwd: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": ROOT, **environment}
    return subprocess.run(
        [sys.executable, *flags, program], cwd=cwd, env=env, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    "body",
    [
        POOL.format(work="print(pool.submit(os.getcwd).result())"),
        MODULE.format(module="json.tool", code="import json, struct, pickle", work="print(children[1].wait())"),
    ],
    ids=["pool", "child"],
)
def test_children_run_nothing_that_lies_in_the_current_folder(body: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"  # not in that folder, which Python would look in for its own imports
    program.write_text(BEGIN + body)
    folder = planted(tmp_path / "recordings")
    done = run(program, folder, PYTHONPATH=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in (str(folder), "0") and marks(folder) == []


ENGINES = """
import subprocess
from hwasc.deploy.interpreter import Interpreter
from pathlib import Path
for name in ("tflm", "litert-ref"):
    interpreter = Interpreter(name)
    child = interpreter._start()
    child.stdin.write(b'{"do": "load", "path": "none", "arena": 1}\\n')
    child.stdin.flush()
    print(child.stdout.readline())
    interpreter.close()
"""


@pytest.mark.long
@pytest.mark.slow
def test_the_interpreters_and_ray_run_nothing_from_there(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    program = tmp_path / "program.py"
    ray = (
        "from hwasc.nas import engines\nimport ray\nwith engines.create('ray', workers=1):\n"
        "    here = ray.remote(lambda: [p for p in sys.path if os.path.realpath(p) == os.getcwd()])\n"
        "    print(ray.get(here.remote()), file=sys.__stdout__)\n"
        "    import psutil\n"
        "    found = [c for p in psutil.Process().children(recursive=True) for c in p.net_connections('inet')]\n"
        "    print(sorted({c.laddr.ip for c in found if c.status == 'LISTEN'}), file=sys.__stdout__)\n"
    )
    program.write_text(BEGIN + ENGINES + ray)
    folder = planted(tmp_path / "recordings")
    done = run(program, folder)
    assert done.returncode == 0, done.stderr
    *errors, path, addresses = done.stdout.splitlines()
    assert len(errors) == 2 and all("error" in e for e in errors), "both answered: there is no such file"
    assert path == "[]", "Ray's workers do not look there either"
    assert all("127.0.0.1" in a for a in ast.literal_eval(addresses)), "and it listens to this machine alone"
    assert marks(folder) == []


@pytest.mark.parametrize("entry", ["", ".", "named"])
def test_the_command_takes_the_current_folder_off_its_path(
    entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = os.path.realpath(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((here if entry == "named" else entry, "/elsewhere")))
    monkeypatch.setenv("PYTHONSAFEPATH", "")
    monkeypatch.setattr(sys, "path", [here, "", *sys.path])
    leave_out_current_folder()
    assert (here in sys.path) is (entry == "named"), "who names it by its whole path means it"
    assert "" not in sys.path and os.environ["PYTHONPATH"].split(os.pathsep)[-1] == "/elsewhere"
    assert ("" in os.environ["PYTHONPATH"].split(os.pathsep)) is False and os.environ["PYTHONSAFEPATH"] == "1"


def test_the_folder_of_an_interactive_python_comes_last_in_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "/a", "/b"])
    assert path_for_children() == ["/a", "/b", os.path.realpath(tmp_path), ROOT]
    monkeypatch.setattr(sys, "path", ["/a", ROOT])
    assert path_for_children() == ["/a", ROOT]


@pytest.mark.parametrize("name", KILLED)
@pytest.mark.parametrize("after", [0.0, pytest.param(1.0, marks=pytest.mark.long)])
@pytest.mark.slow
def test_children_end_within_four_seconds_of_a_killed_parent(name: str, after: float, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(BEGIN + KILLED[name])
    env = {**os.environ, "PYTHONPATH": ROOT}
    parent = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
    assert parent.stdout is not None and parent.stdout.readline() == b"go\n"
    time.sleep(after)  # at first they are still importing
    children = psutil.Process(parent.pid).children(recursive=True)
    servers = [p for p in children if serves(p)]
    parent.kill()
    parent.wait()
    assert len(children) >= 2
    alive = [*still_alive([p for p in children if p not in servers], 4), *still_alive(servers, 20)]
    found = [seen(p) for p in alive]
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    assert found == []


CLOSED_BEFORE = """
import os
from hwasc.parallel import parent_watch
parent_watch._look = lambda pipe, parent: None  # as in a process whose computation lets no other thread run
reading, writing = os.pipe()
os.close(writing)
print("go", flush=True)
parent_watch.end_with_parent(reading, os.getppid())
print("lived", flush=True)
"""


@pytest.mark.slow
def test_a_child_that_starts_to_watch_when_its_parent_has_ended_ends_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLOSED_BEFORE], env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "go\n"), done.stderr


def serves(process: psutil.Process) -> bool:
    """Whether it is a server that workers are forked from, which finds out when it has imported torch, or the tracker of locks.

    The tracker ends when nobody holds its pipe any more, the server included. The server's command is its own; a worker that was
    forked from it still has the same one.
    """
    try:
        command, parent = process.cmdline(), process.parent()
        if "multiprocessing.resource_tracker" in " ".join(command):
            return True
        return "multiprocessing.forkserver" in " ".join(command) and (parent is None or parent.cmdline() != command)
    except psutil.Error:
        return False


def seen(process: psutil.Process) -> dict[str, object]:
    """What it does, for the message of a test that fails once in a thousand runs."""
    wanted = ["pid", "ppid", "status", "num_threads", "threads", "cpu_times", "cmdline"]
    try:
        return {**process.as_dict(wanted), "waits": Path(f"/proc/{process.pid}/wchan").read_text()}
    except (psutil.Error, OSError) as e:
        return {"pid": process.pid, "gone": repr(e)}


def still_alive(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    end = time.monotonic() + seconds
    while processes and time.monotonic() < end:
        time.sleep(0.02)
        processes = [p for p in processes if runs(p)]
    return processes


def runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_no_module_starts_processes_in_another_way() -> None:
    """So what holds for the children above holds for all."""
    own = {"hwasc/parallel/children.py", "hwasc/parallel/tools.py"}  # tools: compilers and emulators, no Python
    ways = {"Popen", "run", "call", "check_call", "check_output", "fork", "system", "get_context", "popen", "execv"}
    for path in sorted((Path(ROOT) / "hwasc").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or name in own:
                continue
            called = ast.unparse(node.func)
            module, _, attribute = called.rpartition(".")
            assert not (module in ("subprocess", "os", "multiprocessing") and attribute in ways), f"{name}: {called}"
            if attribute == "ProcessPoolExecutor":
                assert "process_context()" in ast.unparse(node), f"{name}: {ast.unparse(node)}"
