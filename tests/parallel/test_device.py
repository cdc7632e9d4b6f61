"""How a process is set up: one thread, and memory that is not asked for anew at every step."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

FAULTS = """
import resource, sys, torch
from hwasc.parallel.device import configure_process
if sys.argv[1] == "settled":
    configure_process()
assert torch.get_num_threads() == 1 or sys.argv[1] == "plain"
for round in range(40):
    if round == 20:  # blocks end where an aligned one of their size finds room only after a few rounds
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(10_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_large_maps_fault_once() -> None:
    """40 MB are 9,766 pages of 4 kB, and more than glibc ever keeps of its own accord: touched anew in each of 20 rounds."""
    plain, settled = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], check=True, capture_output=True, text=True).stdout)
        for how in ("plain", "settled")
    )
    assert settled < plain / 10
