"""Every settings file of the experiments is one that the commands take."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hwasc.records.settings import Settings

FOLDER = Path(__file__).parents[2] / "experiments"
FILES = [
    p for p in sorted(FOLDER.rglob("*.yaml")) if "schema" not in yaml.safe_load(p.read_text())
]  # no budget, no space


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(FOLDER)))
def test_it_is_read(path: Path) -> None:
    assert len(FILES) >= 8
    settings = Settings.load(path)
    if path == FOLDER / "teachers" / "default.yaml":
        assert settings == Settings()  # it says what the defaults are
    else:
        assert settings != Settings()
