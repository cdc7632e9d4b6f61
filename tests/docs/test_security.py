"""The page about security names the versions that are installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("package", ["filelock", "nni", "ray", "torch", "onnx", "setuptools"])
def test_the_page_has_the_pinned_versions(package: str) -> None:
    version = pins("constraints.txt")[package]
    assert re.search(rf"^\| {package} \| {re.escape(version)}\b", PAGE, re.MULTILINE)


def test_what_is_installed_in_spite_of_a_limit_is_named_and_newer() -> None:
    def numbers(text: str) -> list[int]:
        return [int(n) for n in text.split(".")]

    for package, version in pins("overrides.txt").items():
        assert f"replaced by {version}" in PAGE
        assert numbers(version) > numbers(pins("constraints.txt")[package])
    assert (ROOT / "Makefile").read_text().count("--no-deps -r overrides.txt") == 2  # after each that could undo it
    assert numbers(pins("overrides.txt")["filelock"]) >= [3, 20, 3]
