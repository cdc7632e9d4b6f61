"""`hwasc budgets` and `hwasc spaces`: what is bundled, whole files to copy, one line for a wrong name."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

import hwasc as package
from hwasc.records import bundled
from hwasc.records.budget import Budget
from hwasc.records.space import SearchSpace

Run = Callable[..., tuple[int, str, str]]
KINDS = [("budgets", Budget), ("spaces", SearchSpace)]


@pytest.mark.parametrize(("verb", "record"), KINDS)
def test_every_bundled_file_is_listed_and_printed_whole(
    hwasc: Run, tmp_path: Path, verb: str, record: type[Budget] | type[SearchSpace]
) -> None:
    kind = "budgets" if verb == "budgets" else "search_spaces"
    status, out, err = hwasc(verb)
    assert status == 0 and err == "" and list(getattr(package, verb)()) == bundled.names(kind)
    listed = [line.split()[0] for line in out.splitlines() if line]
    assert set(bundled.names(kind)) <= set(listed)
    assert set(json.loads(hwasc(verb, "--json")[1])) == set(bundled.names(kind))
    for name in bundled.names(kind):
        text = hwasc(verb, name)[1]
        copy = tmp_path / f"{name}.yaml"
        copy.write_text(text)
        assert record.load(copy) == record.load(name) and text == bundled.find(kind, name).read_text()


def test_limits_chips_and_sizes_are_the_files(hwasc: Run) -> None:
    lines = {line.split()[0]: line for line in hwasc("budgets")[1].splitlines() if line}
    assert "macs.torchinfo 30,000,000, parameter_memory 128,000 B" in lines["dcase2024"]
    assert "cortex-m4, 64 MHz, 256 KiB RAM, 1,024 KiB flash" in lines["nrf52840"] and "Nordic" in lines["nrf52840"]
    lines = {line.split()[0]: line for line in hwasc("spaces")[1].splitlines() if line}
    size = math.prod(len(values) for values in SearchSpace.load("bench").choices().values())
    assert f" {size:,} " in lines["bench"]


@pytest.mark.parametrize(("verb", "wrong", "near"), [("budgets", "nrf5284", "nrf52840"), ("spaces", "smal", "small")])
def test_a_wrong_name_is_one_line(hwasc: Run, verb: str, wrong: str, near: str) -> None:
    status, _, err = hwasc(verb, wrong)
    assert status == 2 and f"did you mean '{near}'" in err and "Traceback" not in err
