"""Shared: two candidates over the tiny data, as jobs for any proxy."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from hwasc.models.supernet import Supernet as SupernetModel
from hwasc.nas.declare import random_point
from hwasc.nas.job import Candidate, Proposal, Supernet
from hwasc.records.space import SearchSpace
from hwasc.records.train_settings import TrainSettings
from hwasc.training.distillation import DistillationData
from hwasc.training.weights import save_weights
from hwasc.workspace import Workspace


@pytest.fixture(scope="module")
def candidates(
    tiny_workspace: Workspace, tiny_space: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[Candidate]:
    """Different architectures; `proxy` is for the test to fill in."""
    ws, space, rng = tiny_workspace, SearchSpace.load(tiny_space), random.Random(0)
    weights = tmp_path_factory.mktemp("supernet") / "net.safetensors"
    torch.manual_seed(0)
    save_weights(weights, SupernetModel(space, 10))
    out = []
    for _ in range(2):
        point = random_point(space, rng)
        a = space.architecture(point, 10)
        train = ws.features(ws.dataset.train, a.front_end, "train")
        validation = ws.features(ws.dataset.validation, a.front_end, "validation")
        targets = np.random.default_rng(0).standard_normal((len(train), 10)).astype(np.float32)
        ensemble = np.random.default_rng(1).standard_normal((len(validation), 10)).astype(np.float32)
        data = DistillationData(train, targets, ws.augment(a.front_end), 0.5, 2.0)
        out.append(
            Candidate(
                proxy="",
                proposal=Proposal(point, a),
                data=data,
                validation=validation,
                train_settings=TrainSettings(1, 32),
                qat=None,
                qat_steps=0,
                seed=3,
                device="cpu",
                supernet=Supernet(weights, space, 1.0),
                ensemble=ensemble,
            )
        )
    return out
