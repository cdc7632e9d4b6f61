"""Files are written whole, with the permissions that the umask leaves, and JSON has finite numbers only."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from hwasc.errors import HwascError
from hwasc.records.writing import indented, write_json, write_whole


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002, 0o027])
def test_permissions_follow_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        for _ in range(2):  # new, and replaced
            write_whole(tmp_path / "sub" / "a.bin", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "sub" / "a.bin").stat().st_mode & 0o777 == 0o666 & ~umask
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["a.bin"]


@pytest.mark.parametrize(
    ("value", "key"),
    [({"a": [1, {"b": math.nan}]}, "a.1.b"), ({"log_loss": math.inf}, "log_loss"), (-math.inf, "the number")],
)
def test_numbers_that_are_not_finite_are_not_written(tmp_path: Path, value: object, key: str) -> None:
    with pytest.raises(HwascError, match=rf"r\.json: {key} is not finite"):
        write_json(tmp_path / "r.json", value)
    assert not list(tmp_path.iterdir())
    assert indented({"a": (1, 0.5)}, "r") == '{\n  "a": [\n    1,\n    0.5\n  ]\n}'
