"""Several processes that train on slices of every batch: the weights of one process, but for rounding."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hwasc.parallel.device import precision
from hwasc.training.batches import Batch, rank_slice

pytestmark = [pytest.mark.slow, pytest.mark.long]

# Trains in double precision, so that what is left of a difference is rounding; batches of 13 and a rest of 4 share unevenly.
PROGRAM = """
import os, sys, torch
from pathlib import Path
from hwasc.models import build
from hwasc.models.teachers import TeacherSpec, build as build_teacher
from hwasc.records.architecture import Architecture
from hwasc.records.front_end import FrontEnd
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.train_settings import TrainSettings
from hwasc.parallel import torchrun_workers
from hwasc.parallel.gradient_accumulation import is_first_rank
from hwasc.training.batches import Batch
from hwasc.training.loop import fit
from hwasc.training.loss import distillation_loss

class Stopped(Exception):
    pass

def batches(epoch):
    g = torch.Generator().manual_seed(epoch)
    for count in (13, 13, 4):
        labels = torch.randint(0, 2, (count,), generator=g)
        x = torch.randn(count, 1, 20, 9, generator=g, dtype=torch.float64)
        x[labels == 1, :, 10:] += 1
        yield Batch(x, labels, torch.randn(count, 2, generator=g, dtype=torch.float64))

def model(kind):
    torch.manual_seed(0)
    fe = FrontEnd.for_clip(20, 9)
    if kind == "student":
        second = InvertedResidual(3, 16, 12, (2, 2), False, GRN("channel", "sum", "mean"))
        blocks = (InvertedResidual(3, 16, 8, (1, 1), True, GRN()), second)
        return build(Architecture(fe, (4, 8), blocks, 2)).double()
    return build_teacher(TeacherSpec(kind, 8, fe), 2).double()

def train(kind, out, stop):
    losses = []
    def on_epoch(epoch, loss):
        losses.append(f"{loss:.9f}")
        if epoch == stop:
            raise Stopped
    try:
        net = fit(model(kind), batches, steps_per_epoch=3,
                  loss=lambda y, b: distillation_loss(y, b.labels, b.teacher, alpha=0.5, temperature=2.0),
                  settings=TrainSettings(3, 13, 1e-2, 1e-3), device=torch.device("cpu"), seed=0,
                  checkpoint=Path(out).with_suffix(".ckpt"), on_epoch=on_epoch)
    except Stopped:
        return
    if is_first_rank():
        torch.save({"state": net.state_dict(), "losses": losses}, out)

def jobs(out):
    for kind in ("student", "cp_resnet"):
        yield kind, f"{out}/{kind}.pt", 0
    yield "student", f"{out}/resumed.pt", 2
    yield "student", f"{out}/resumed.pt", 0

def run_jobs():
    for job in jobs(sys.argv[1]):
        with torchrun_workers.run_on_all_ranks(train, *job):
            train(*job)

if __name__ == "__main__":
    if "RANK" not in os.environ:
        run_jobs()
    else:
        with torchrun_workers.init_ranks() as first:
            run_jobs() if first else torchrun_workers.worker_loop()
"""


def free_port() -> str:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The folders of one process and of three."""
    program = tmp_path_factory.mktemp("program") / "program.py"
    program.write_text(PROGRAM)
    folders, running = {}, list[subprocess.Popen[bytes]]()
    for world in (1, 3):
        folders[world] = tmp_path_factory.mktemp(f"world{world}")
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": str(world)}
        ranks = [{} if world == 1 else {**meeting, "RANK": str(rank)} for rank in range(world)]
        command = [sys.executable, str(program), str(folders[world])]
        running += [subprocess.Popen(command, env={**os.environ, **rank}) for rank in ranks]
    assert [process.wait(timeout=120) for process in running] == [0] * 4
    return folders


@pytest.mark.parametrize("name", ["student", "cp_resnet", "resumed"])
def test_processes_that_slice_batches_reach_the_weights_of_one(trained: dict[int, Path], name: str) -> None:
    one, several = (torch.load(trained[n] / f"{name}.pt", weights_only=True) for n in (1, 3))
    assert one["losses"] == several["losses"]
    for key, value in one["state"].items():
        assert torch.allclose(value, several["state"][key], rtol=1e-9, atol=1e-9), key


def test_a_resumed_training_of_several_is_an_unbroken_one(trained: dict[int, Path]) -> None:
    whole, resumed = (
        torch.load(trained[3] / f"{name}.pt", weights_only=True)["state"] for name in ("student", "resumed")
    )
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_slices_are_disjoint_complete_and_of_nearly_one_size() -> None:
    x = torch.arange(13.0)[:, None]
    for world in (1, 2, 3, 13):
        parts = [rank_slice(Batch(x, x[:, 0], None), rank, world) for rank in range(world)]
        assert torch.equal(torch.cat([batch[0] for batch, _ in parts]), x)
        assert sum(weight for _, weight in parts) == pytest.approx(1)
        sizes = [len(batch[1]) for batch, _ in parts]
        assert max(sizes) - min(sizes) <= 1 and all(batch[2] is None for batch, _ in parts)


def test_precision_goes_by_what_the_device_can() -> None:
    assert precision("cuda", (8, 0)) == precision("cuda", (9, 0)) == precision("cuda", (12, 1)) == torch.bfloat16
    assert precision("cuda", (7, 5)) == precision("cuda", None) == precision("cpu") == precision("mps") == torch.float32
