"""Real field recordings: opened, split by location, extracted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwasc.data.features import extract
from hwasc.data.opening import open_dataset
from hwasc.records.front_end import FrontEnd

ROOT = Path(__file__).parents[3] / "shared" / "data" / "city_scenes"
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="the real field recordings are not here")


def test_every_recording_is_used_and_no_location_is_split() -> None:
    data = open_dataset(ROOT)
    splits = (data.train, data.validation, data.test)
    clips = [c for split in splits for c in split]
    assert len({c.location for c in clips}) == 44 and 1200 <= len(clips) <= 1240
    assert data.classes == ("cafe", "metro_station", "park", "shopping", "street", "transit")
    assert sum(len({c.location for c in split}) for split in splits) == 44
    assert all({c.scene for c in split} == set(data.classes) for split in splits)
    assert 0.15 < len(data.test) / len(clips) < 0.35


def test_the_validation_clips_are_all_readable(tmp_path: Path) -> None:
    data = open_dataset(ROOT)
    result = extract(data.validation, data.classes, FrontEnd.for_clip(64, 51, n_fft=2048, window=2048), tmp_path)
    assert len(result) == len(data.validation) and np.isfinite(result.array).all()
    assert len(np.unique(result.labels)) == 6 and 0.1 < float(result.array.astype(np.float32).std()) < 2
