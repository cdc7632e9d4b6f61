"""How a process is set up: one thread, and memory that is not asked for anew at every step."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from hwasc.training.device import settle_process
if sys.argv[1] == "settled":
    settle_process()
assert torch.get_num_threads() == 1 or sys.argv[1] == "plain"
torch.zeros(4_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(4_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_large_maps_fault_once() -> None:
    """16 MB are 3,900 pages of 4 kB; twenty times as many are touched anew unless the process keeps them."""
    plain, settled = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], check=True, capture_output=True, text=True).stdout)
        for how in ("plain", "settled")
    )
    assert settled < plain / 5
