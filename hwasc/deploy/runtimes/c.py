"""Runtime `c`: the folder of `hwasc export --format c`, compiled by the system's compiler, from features or from waveforms.

A folder is code. What is compiled is made again from the student in it, and the folder must hold the same bytes.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hwasc.cost.firmware_state import samples_heard
from hwasc.data.features import Features
from hwasc.deploy.constants import step
from hwasc.deploy.exporters import read_options
from hwasc.deploy.firmware import exporter, folder
from hwasc.deploy.firmware.host import RATE, RUN_TIMEOUT, compile_host, compiler
from hwasc.deploy.runtimes import FOLDER, OpenedModel
from hwasc.deploy.weight_files import WeightFile, open_weights
from hwasc.errors import DataError, HwascError
from hwasc.parallel.tools import run_tool
from hwasc.records import training_clips
from hwasc.records.bounded import MIB, read_bytes

SOURCE_BYTES = 512 * MIB  # of one file
BATCH = 128  # clips that a process computes
FULL_SCALE = 32_768
MAIN = """\
/* Clips from standard input to int8 logits: features (frames, one after the other), or samples where there is an argument. */
#include <stdio.h>

#include "scene.h"
#include "scene_net.h"

int main(int count, char **arguments) {
    static scene_state state;
    static int16_t samples[SCENE_HEARD];
    static int8_t features[SCENE_FRAMES * SCENE_MELS];
    uint16_t t;
    (void)arguments;
    if (count > 1) {
        while (fread(samples, sizeof samples, 1, stdin) == 1) {
            scene_init(&state);
            scene_push(&state, samples, SCENE_HEARD);
            fwrite(scene_stored_logits(&state), SCENE_CLASSES, 1, stdout);
        }
        return 0;
    }
    scene_init(&state);
    for (t = 0; t < SCENE_FRAMES; t++) {
        state.order[t] = t;
    }
    while (fread(features, sizeof features, 1, stdin) == 1) {
        scene_net_run(features, state.order, state.scratch.net, state.logits);
        fwrite(state.logits, SCENE_CLASSES, 1, stdout);
    }
    return 0;
}
"""


class FirmwareRuntime:
    """Runs folders of the format `c` on this machine.

    Attributes:
        suffixes: See `Runtime`.
        formats: See `Runtime`.
    """

    suffixes: tuple[str, ...] = (FOLDER,)
    formats: tuple[str, ...] = ("c",)

    def open(self, model: Path, *, device: torch.device, workers: int) -> OpenedModel:
        """Check and compile a folder; see `Runtime`.

        Args:
            model: A folder that hwasc wrote.
            device: Not used: it runs on the CPU.
            workers: Processes that run the clips.

        Returns:
            The model, ready to run.

        Raises:
            DataError: hwasc did not write the folder, or it was changed since.
            HwascError: There is no compiler, or it fails.
        """
        files, opened = verified(model)
        program = _Program.compiled(files, opened, workers)

        def predict(features: Features, progress: Callable[[int], None]) -> np.ndarray:
            return program.predict(features, progress)

        return OpenedModel(
            architecture=opened.student.architecture,
            classes=opened.classes,
            runtime=f"c ({program.compiler})",
            predict=predict,
            predict_waves=program.predict_waves,
            metadata=opened.metadata,
        )


RUNTIME = FirmwareRuntime()


def verified(model: Path) -> tuple[Mapping[str, bytes], WeightFile]:
    """Make the files of a folder again, and compare what is compiled of them.

    Args:
        model: The folder.

    Returns:
        The sources by path, and the student.

    Raises:
        DataError: The folder is no export, its sources are not those that this version of hwasc writes for its student, or
            there are others.
    """
    about = exporter.read_about(model)
    opened = open_weights(model / folder.WEIGHTS)
    if opened.numbers != "int8":
        raise DataError(f"{model}: its {folder.WEIGHTS} is no int8 student; export again")
    try:
        options = read_options("c", about["options"])
        clips = training_clips.read_metadata(opened.metadata, model)
        made = folder.to_files(opened.student, opened.classes, options, clips=clips)
    except (HwascError, TypeError) as e:
        raise DataError(f"{model}: cannot be made again from its {folder.WEIGHTS} ({e}); export again") from None
    sources = {name: content for name, content in made.items() if name.startswith("src/")}
    for path in sorted((model / "src").rglob("*")):
        name = path.relative_to(model).as_posix()
        if name not in sources:
            raise DataError(f"{model}: holds {name}, which is no part of the export; nothing of it is run")
    for name, content in sources.items():
        try:
            same = read_bytes(model / name, "C source", SOURCE_BYTES) == content
        except HwascError as e:
            raise DataError(f"{e}; export again") from None
        if not same:
            raise DataError(
                f"{model}: {name} is not what this version of hwasc writes for its student (the folder is of hwasc "
                f"{str(about.get('hwasc'))[:20]}), so nothing of it is run; export again"
            )
    return sources, opened


@dataclass(frozen=True)
class _Program:
    """The compiled folder. Its file goes with the object."""

    place: tempfile.TemporaryDirectory[str]
    path: Path
    compiler: str
    model: WeightFile
    workers: int

    @classmethod
    def compiled(cls, files: Mapping[str, bytes], model: WeightFile, workers: int) -> _Program:
        place = tempfile.TemporaryDirectory(prefix="hwasc-c-")
        root = Path(place.name)
        (root / "src").mkdir()
        for name, content in files.items():
            (root / name).write_bytes(content)
        sources = sorted(root / name for name in files if name.endswith(".c"))
        path = compile_host({"main.c": MAIN}, sources, root / "build", include=[root / "src"], flags=("-O2",))
        return cls(place, path, Path(compiler()[0]).name, model, workers)

    def predict(self, features: Features, progress: Callable[[int], None]) -> np.ndarray:
        scale, zero_point = step(self.model.student.input)

        def blocks() -> Iterator[bytes]:
            for start in range(0, len(features), BATCH):
                logmel = features.batch(np.arange(start, min(start + BATCH, len(features)))).numpy()[:, 0]
                stored = np.clip(np.round(logmel / np.float32(scale)) + zero_point, -128, 127).astype(np.int8)
                yield np.ascontiguousarray(stored.transpose(0, 2, 1)).tobytes()

        fe = self.model.student.architecture.front_end
        return self._logits(blocks(), progress, size=fe.mels * fe.frames)

    def predict_waves(self, waves: Iterable[np.ndarray], progress: Callable[[int], None]) -> np.ndarray:
        heard = samples_heard(self.model.student.architecture.front_end)

        def blocks() -> Iterator[bytes]:
            source = iter(waves)
            while block := list(itertools.islice(source, BATCH)):
                samples = np.clip(np.round(np.stack(block)[:, :heard] * np.float32(FULL_SCALE)), -(2**15), 2**15 - 1)
                yield samples.astype(np.int16).tobytes()

        return self._logits(blocks(), progress, "samples", size=2 * heard)

    def _logits(
        self, blocks: Iterator[bytes], progress: Callable[[int], None], *arguments: str, size: int
    ) -> np.ndarray:
        classes, found, done = len(self.model.classes), [], 0

        def run(data: bytes) -> bytes:
            return run_tool([self.path, *arguments], timeout=RUN_TIMEOUT + len(data) / RATE, data=data)

        with ThreadPoolExecutor(max(1, self.workers)) as pool:  # each waits for a process of its own
            while group := list(itertools.islice(blocks, max(1, self.workers))):
                for data, out in zip(group, pool.map(run, group), strict=True):
                    if len(out) * size != len(data) * classes:
                        raise HwascError(
                            f"the compiled folder gave {len(out):,} bytes of logits for {len(data) // size:,} clips"
                        )
                    found.append(np.frombuffer(out, np.int8).reshape(-1, classes))
                    done += len(found[-1])
                    progress(done)
        stored = np.concatenate(found) if found else np.zeros((0, classes), np.int8)
        scale, zero_point = step(self.model.student.get_submodule("output.act"))
        return (stored.astype(np.float32) - zero_point) * np.float32(scale)
