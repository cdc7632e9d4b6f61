"""An exported folder as a program of this machine: clips in, logits out, in several processes."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwasc.cost.firmware_state import samples_needed
from hwasc.data.features import Features
from hwasc.deploy.constants import step
from hwasc.deploy.firmware.golden import FULL_SCALE
from hwasc.deploy.firmware.host import RATE, RUN_TIMEOUT, compile_host, compiler
from hwasc.deploy.weight_files import WeightFile
from hwasc.errors import HwascError
from hwasc.parallel.tools import run_tool

BATCH = 128  # clips that a process computes
MAIN = """\
/* Clips from standard input to int8 logits: features (frames, one after the other), or samples where there is an argument. */
#include <stdio.h>

#include "scene.h"
#include "scene_net.h"

int main(int count, char **arguments) {
    static scene_state state;
    static int16_t samples[SCENE_NEEDED];
    static int8_t features[SCENE_FRAMES * SCENE_MELS];
    uint16_t t;
    (void)arguments;
    if (count > 1) {
        while (fread(samples, sizeof samples, 1, stdin) == 1) {
            scene_init(&state);
            scene_push(&state, samples, SCENE_NEEDED);
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


@dataclass(frozen=True)
class HostProgram:
    """A compiled export on this machine. Its file goes with the object.

    Attributes:
        place: The temporary folder.
        path: The program.
        compiler: Name of the compiler.
        model: The student.
        workers: Processes at a time.
    """

    place: tempfile.TemporaryDirectory[str]
    path: Path
    compiler: str
    model: WeightFile
    workers: int

    @classmethod
    def compiled(cls, files: Mapping[str, bytes], model: WeightFile, workers: int) -> HostProgram:
        """Compile an export.

        Args:
            files: Its sources, contents by path.
            model: Its student.
            workers: Processes that run clips.

        Returns:
            The program.

        Raises:
            HwascError: There is no compiler, or it fails.
        """
        place = tempfile.TemporaryDirectory(prefix="hwasc-c-")
        root = Path(place.name)
        (root / "src").mkdir()
        for name, content in files.items():
            (root / name).write_bytes(content)
        sources = sorted(root / name for name in files if name.endswith(".c"))
        path = compile_host({"main.c": MAIN}, sources, root / "build", include=[root / "src"], flags=("-O2",))
        return cls(place, path, Path(compiler()[0]).name, model, workers=workers)

    def predict(self, features: Features, progress: Callable[[int], None]) -> np.ndarray:
        """Compute the logits of clips' features, see `OpenedModel.predict`.

        Args:
            features: n clips.
            progress: Called with the number of clips done.

        Returns:
            float32 (n, classes).
        """
        scale, zero_point = step(self.model.student.input)

        def blocks() -> Iterator[bytes]:
            for start in range(0, len(features), BATCH):
                logmel = features.batch(np.arange(start, min(start + BATCH, len(features)))).numpy()[:, 0]
                stored = np.clip(np.round(logmel / np.float32(scale)) + zero_point, -128, 127).astype(np.int8)
                yield np.ascontiguousarray(stored.transpose(0, 2, 1)).tobytes()

        fe = self.model.student.architecture.front_end
        return self._logits(blocks(), progress, size=fe.mels * fe.frames)

    def predict_waves(self, waves: Iterable[np.ndarray], progress: Callable[[int], None]) -> np.ndarray:
        """Compute the logits of waveforms, see `OpenedModel.predict_waves`.

        Args:
            waves: float32 (samples,) at full scale 1, one for each clip.
            progress: Called with the number of clips done.

        Returns:
            float32 (n, classes).
        """
        needed = samples_needed(self.model.student.architecture.front_end)

        def blocks() -> Iterator[bytes]:
            source = iter(waves)
            while block := list(itertools.islice(source, BATCH)):
                samples = np.clip(np.round(np.stack(block)[:, :needed] * np.float32(FULL_SCALE)), -(2**15), 2**15 - 1)
                yield samples.astype(np.int16).tobytes()

        return self._logits(blocks(), progress, "samples", size=2 * needed)

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
