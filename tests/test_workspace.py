"""Many front ends at once: what each process extracts is what one alone would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwasc import workspace
from hwasc.data.features import unextracted
from hwasc.records.front_end import FrontEnd
from hwasc.workspace import Workspace

pytestmark = pytest.mark.slow

FRONT_ENDS = [FrontEnd(hop=1000, mels=mels, frames=33) for mels in (32, 64)]


def test_many_front_ends_are_extracted_by_processes_with_the_same_result(
    tiny_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = replace(tiny_workspace, cache=tmp_path / "two", workers=2)
    alone = replace(tiny_workspace, cache=tmp_path / "one", workers=1)
    ws.prepare(FRONT_ENDS)
    alone.prepare(FRONT_ENDS)  # left to `features`
    for fe in FRONT_ENDS:
        for what, clips in (("train", ws.dataset.train), ("validation", ws.dataset.validation)):
            assert not unextracted(clips, FRONT_ENDS, ws.cache / "features")
            assert fe in unextracted(clips, FRONT_ENDS, alone.cache / "features")
            a, b = (w.features(clips, fe, what) for w in (ws, alone))
            np.testing.assert_array_equal(a.array, b.array)
            assert a.hashes == b.hashes
    monkeypatch.setattr(workspace, "processes", None)
    ws.prepare(FRONT_ENDS)  # nothing is left: no process is started
