"""The log-mel of any parts, in training and in the inference package, equals a slow one in numpy."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hwasc.audio.frontend import LogMel
from hwasc.data.acoustics import centres
from hwasc.dcase.standalone_weights import packaged_log_mel
from hwasc.records.front_end import FrontEnd
from tests.audio.slow_log_mel import front_ends, hertz, mel, slow_log_mel


@settings(max_examples=150, deadline=None)
@given(front_ends(), st.integers(0, 9))
def test_equals_a_slow_log_mel(fe: FrontEnd, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wave = (0.2 * rng.standard_normal(fe.samples) + rng.uniform(-0.3, 0.3)).astype(np.float32)
    batch = torch.from_numpy(wave)[None]
    made = LogMel(fe)(batch)
    expected = slow_log_mel(wave, fe)
    assert made.shape[1:] == expected.shape
    assert np.abs(made[0].numpy() - expected).max() < (1e-3 if fe.log == "natural" else 5e-3)
    assert torch.allclose(packaged_log_mel(fe)(batch), made, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(front_ends())
def test_bands_have_their_centres(fe: FrontEnd) -> None:
    ends = np.linspace(*mel(np.array([fe.f_min, fe.f_max]), fe.mel_scale), fe.mels + 2)
    assert np.allclose(centres(fe), hertz(ends, fe.mel_scale)[1:-1])
