"""Completion in a shell: what bash offers after a few letters."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.cli import VERBS

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_verbs_options_names_and_files(hwasc: Run, tmp_path: Path) -> None:
    status, script, _ = hwasc("--print-completion", "bash")
    assert status == 0
    (tmp_path / "completion").write_text(script)
    (tmp_path / "best.json").touch()

    def offered(*words: str) -> set[str]:
        command = f"""
        source ./completion
        COMP_WORDS=({" ".join(map(repr, words))})
        COMP_CWORD={len(words) - 1}
        $(complete -p hwasc | sed 's/.*-F //; s/ .*//') hwasc {words[-1]!r} {words[-2]!r}
        printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, check=True)
        return set(done.stdout.split())

    assert offered("hwasc", "pre") == {"predict"} and set(VERBS) <= offered("hwasc", "")
    assert {"--budget", "--space", "--seed"} <= offered("hwasc", "search", "--")
    assert offered("hwasc", "search", "--budget", "nrf") == {"nrf52840"}
    assert offered("hwasc", "search", "--space", "sm") == {"small"}
    assert offered("hwasc", "evaluate", "--runtime", "on") == {"onnx"}
    assert "best.json" in offered("hwasc", "distill", "--config", "be")


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_get_a_script(hwasc: Run, shell: str) -> None:
    status, script, _ = hwasc("--print-completion", shell)
    assert status == 0 and "predict" in script


def test_shtab_is_imported_only_then() -> None:
    code = "import sys, hwasc.cli; hwasc.cli.parser(); assert 'shtab' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
