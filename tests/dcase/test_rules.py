"""What the challenge asks for: people, labels, and how 2025 counts parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwasc.dcase.rules import EXAMPLE, About, Label


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("abbreviation: SmallStud ", "abbreviation: SmallStudent "), "1 to 10 characters"),
        (("corresponding: true", "corresponding: false"), "exactly one must be"),
        (("lastname", "last_name"), "did you mean 'lastname'"),
        (("description: {}", "description: {device_informtion: x}"), "unknown key 'device_informtion' in 2025"),
    ],
)
def test_mistakes_about_people(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    from hwasc.errors import UsageError

    (tmp_path / "about.yaml").write_text(EXAMPLE.replace(*change))
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        About.load(tmp_path / "about.yaml", 2025)


def test_labels() -> None:
    assert Label.parse("Doe_INST_task1_4", 2025) == Label("Doe_INST_task1", 4)
    assert str(Label.parse("Martin-Morato_TAU_task1_2", 2024)) == "Martin-Morato_TAU_task1_2"


def test_biases_count_four_bytes_in_2025() -> None:
    """CP-Mobile's 126,952 parameters fit at a byte each; the official script of 2025 adds up what the package holds."""
    from hwasc.dcase.inference_package import complexity
    from hwasc.records.presets import cp_mobile

    assert complexity(cp_mobile()).parameter_bytes > 128_000
