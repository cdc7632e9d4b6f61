"""The stream of scene.c with a stand-in front end and net that tell every sample and every frame apart."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwasc.cost.firmware_state import StateBytes, samples_before, samples_needed, state_bytes
from hwasc.deploy.firmware.front_end_numbers import clip_numbers, frame_numbers, part_numbers
from hwasc.records.front_end import FrontEnd

SOURCES = Path(__file__).parents[3] / "hwasc" / "deploy" / "firmware" / "sources"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
CLASSES = 3
NET = """
#include "scene_net.h"
void scene_net_run(const int8_t *features, const uint16_t *order, void *memory, int8_t *logits) {
    uint32_t t, m, c, hash = 7;
    for (t = 0; t < SCENE_FRAMES; t++)
        for (m = 0; m < SCENE_MELS; m++)
            hash = hash * 31u + (uint8_t)features[(size_t)order[t] * SCENE_MELS + m];
    for (m = 0; m < SCENE_NET_BYTES; m++) ((uint8_t *)memory)[m] = (uint8_t)(hash + m);
    for (c = 0; c < SCENE_CLASSES; c++) logits[c] = (int8_t)(uint8_t)(hash >> (8 * c));
}
"""
LOGMEL = """
#include "scene_logmel.h"
void scene_logmel_frame(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, void *memory, int8_t *out) {
    const int32_t from = (int32_t)first, to = (int32_t)(end < SCENE_WINDOW ? end : SCENE_WINDOW);
    int32_t i;
    uint32_t m, hash = 3;
    for (i = 0; i < SCENE_WINDOW; i++) {
        const int32_t mirrored = i < from ? 2 * from - i : i >= to ? 2 * to - 2 - i : i;
        const uint32_t at = (start + SCENE_SPAN + (uint32_t)(SCENE_MIRRORED ? mirrored : i)) % SCENE_SPAN;
        const uint32_t next = SCENE_EMPHASIS == 1 ? (uint16_t)ring[(at + 1) % SCENE_SPAN] : 0u;
        hash = hash * 37u + (!SCENE_MIRRORED && i != mirrored ? 0u : 5u * next + (uint16_t)ring[at]);
    }
    for (m = 0; m < SCENE_FRONT_END_BYTES; m++) ((uint8_t *)memory)[m] = (uint8_t)(hash - m);
    for (m = 0; m < SCENE_MELS; m++) out[m] = (int8_t)(uint8_t)(hash >> (m % 24));
}
"""
HEADERS = {
    "scene_net.h": "void scene_net_run(const int8_t *features, const uint16_t *order, void *memory, int8_t *logits);",
    "scene_logmel.h": "void scene_logmel_frame(const int16_t *ring, uint32_t start, uint32_t first, uint32_t end, "
    "void *memory, int8_t *out);",
}
PROBE = '#include "scene.h"\nsize_t probe(void);\nsize_t probe(void) { return sizeof(scene_state); }\n'


@dataclass(frozen=True)
class Stream:
    """A small stream.

    Attributes:
        front_end: Its frames.
        hop: Samples from decision to decision.
        net: Bytes of the net's memory.
        memory: Bytes of the front end's.
        smoothing: Share of earlier decisions, in 1/32768.
    """

    front_end: FrontEnd
    hop: int
    net: int = 40
    memory: int = 24
    smoothing: int = 0

    @property
    def bytes(self) -> StateBytes:
        """The predicted size."""
        return state_bytes(self.front_end, self.hop, self.net, self.memory, CLASSES)

    def header(self) -> str:
        """A stand-in for scene_model.h."""
        fe, names = self.front_end, "{" + ", ".join(f'"c{i}"' for i in range(CLASSES)) + "}"
        values = {
            **{"FORMAT": 2, **clip_numbers(fe), **frame_numbers(fe), **part_numbers(fe)},
            **{"DECISION_HOP": self.hop, "NET_BYTES": self.net, "FRONT_END_BYTES": self.memory},
            **{"CLASSES": CLASSES, "CLASS_NAMES": names, "OUTPUT_SCALE": "0.25f", "OUTPUT_ZERO_POINT": -3},
            **{"SMOOTHING": self.smoothing, "STATE_PADDING": self.bytes.padding, "STATE_BYTES": self.bytes.total},
        }
        return "\n".join(f"#define SCENE_{name} {value}" for name, value in values.items()) + "\n"

    def write(self, folder: Path) -> list[Path]:
        """Write what is compiled into a folder, and say which files are C."""
        for name in ("scene.c", "scene.h"):
            shutil.copy(SOURCES / name, folder / name)
        (folder / "scene_model.h").write_text(self.header())
        for name, text in HEADERS.items():
            (folder / name).write_text(f'#include <stdint.h>\n#include <stddef.h>\n#include "scene_model.h"\n{text}\n')
        for name, text in (("net.c", NET), ("logmel.c", LOGMEL), ("probe.c", PROBE)):
            (folder / name).write_text(text)
        return [folder / name for name in ("scene.c", "net.c", "logmel.c", "probe.c")]

    def build(self, folder: Path, compiler: str = "cc", *flags: str) -> Library:
        """Compile and load."""
        files = self.write(folder)
        built = folder / "stream.so"
        command = [compiler, *STRICT, *flags, "-O1", "-shared", "-fPIC", "-o", built, *files]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return Library(self, ctypes.CDLL(str(built)))

    def whole(self, samples: np.ndarray) -> list[list[int]]:
        """The logits of each decision, of clips that are cut out and padded with zeros, without any state."""
        fe, found = self.front_end, []
        for start in range(0, len(samples) - samples_needed(fe) + 1, self.hop):
            clip = np.zeros(fe.samples, np.int64)
            part = samples[start : start + fe.samples]
            clip[: len(part)] = part
            clip %= 65536
            # as the pre-emphasis would, each sample with the next one
            y = 5 * clip[1:] + clip[:-1] if fe.emphasised < fe.samples else clip
            after = max(0, (fe.frames - 1) * fe.hop - samples_before(fe) + fe.window - len(y))
            y = np.pad(y, (samples_before(fe), after), mode="reflect" if fe.edges == "reflect" else "constant")
            value = 7
            for t in range(fe.frames):
                frame = 3
                for x in y[t * fe.hop : t * fe.hop + fe.window]:
                    frame = (frame * 37 + int(x)) % 2**32
                for m in range(fe.mels):
                    value = (value * 31 + (frame >> m % 24) % 256) % 2**32
            found.append([((value >> 8 * c) % 256 + 128) % 256 - 128 for c in range(CLASSES)])
        return found


class Library:
    """A compiled stream; one instance of `State` each stream of samples."""

    def __init__(self, stream: Stream, library: ctypes.CDLL) -> None:
        self.stream, self.c = stream, library
        library.probe.restype = library.scene_push.restype = ctypes.c_size_t
        library.scene_stored_logits.restype = ctypes.POINTER(ctypes.c_int8)
        library.scene_class_name.restype = ctypes.c_char_p
        library.scene_push.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
        self.size = int(library.probe())
        self._whole: dict[bytes, list[list[int]]] = {}

    def whole(self, samples: np.ndarray) -> list[list[int]]:
        """See `Stream.whole`; each is computed once."""
        key = samples.tobytes()
        if key not in self._whole:
            self._whole[key] = self.stream.whole(samples)
        return self._whole[key]

    def state(self) -> State:
        """A new stream, in memory that is full of garbage."""
        return State(self)


class State:
    """One stream."""

    def __init__(self, library: Library) -> None:
        self.c, self.counts = library.c, library.stream.bytes.scratch // 4
        self.memory = (ctypes.c_uint64 * (library.size // 8))(*[0xA5A5A5A5A5A5A5A5] * (library.size // 8))
        self.c.scene_init(ctypes.byref(self.memory))

    def push(self, samples: np.ndarray) -> int:
        """Samples in; how many decisions were made."""
        block = np.ascontiguousarray(samples, np.int16)
        return int(self.c.scene_push(ctypes.byref(self.memory), block.ctypes.data, len(block)))

    @property
    def logits(self) -> list[int]:
        """As stored, of the last decision."""
        found = self.c.scene_stored_logits(ctypes.byref(self.memory))
        return [int(found[i]) for i in range(CLASSES)]

    @property
    def scene(self) -> int:
        """The class."""
        return int(self.c.scene_class(ctypes.byref(self.memory)))

    @property
    def smoothed(self) -> np.ndarray:
        """The smoothed logits, in steps."""
        return np.frombuffer(self.memory, np.int32)[self.counts :][:CLASSES] / 65536

    @property
    def counters(self) -> list[int]:
        """The state's counters, which follow the logits."""
        return [int(x) for x in np.frombuffer(self.memory, np.uint32)[self.counts + CLASSES :][:9]]
