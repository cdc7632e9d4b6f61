"""The log-mel of the C export, compiled for this machine."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

import hwasc.deploy.firmware
from hwasc.cost.firmware_front_end import Arithmetic, front_end_bytes
from hwasc.cost.firmware_state import samples_before, samples_of_frame
from hwasc.deploy.firmware.front_end_numbers import front_end_numbers
from hwasc.deploy.firmware.front_end_tables import front_end_sources, front_end_tables
from hwasc.records.front_end import FrontEnd

SOURCES = Path(hwasc.deploy.firmware.__file__).with_name("sources")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")


def model_header(fe: FrontEnd, arithmetic: Arithmetic) -> str:
    """The numbers that the log-mel reads of `scene_model.h`."""
    return "".join(f"#define SCENE_{name} {value}\n" for name, value in front_end_numbers(fe, arithmetic).items())


def write_folder(folder: Path, fe: FrontEnd, arithmetic: Arithmetic, *, scale: float, zero_point: int) -> list[Path]:
    """Write what the log-mel is compiled from; the .c files are returned."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scene_model.h").write_text(model_header(fe, arithmetic))
    tables = folder / "scene_front_end_tables.c"
    tables.write_text(front_end_tables(fe, scale, zero_point, arithmetic))
    for name in front_end_sources(arithmetic):
        (folder / name).write_text((SOURCES / name).read_text())
    return [tables, *(folder / name for name in front_end_sources(arithmetic) if name.endswith(".c"))]


class Scaling(ctypes.Structure):
    """scene_scaling of the float log-mel."""

    _fields_ = (("offset", ctypes.c_float), ("factor", ctypes.c_float), ("addend", ctypes.c_float))


class LogMelInC:
    """Computes features as the firmware does; `scaling` or `addends` can be changed."""

    def __init__(
        self,
        folder: Path,
        fe: FrontEnd,
        arithmetic: Arithmetic = "float",
        *,
        scale: float,
        zero_point: int,
        flags: tuple[str, ...] = ("-O2",),
    ) -> None:
        self.front_end = fe
        sources = write_folder(folder, fe, arithmetic, scale=scale, zero_point=zero_point)
        for path in (sources[0], folder / "scene_front_end.h"):
            text = path.read_text()
            for name in ("scene_scaling scene_features", "int32_t scene_addends"):
                text = text.replace(f"const {name}", name)
            path.write_text(text)
        library = folder / "logmel.so"
        subprocess.run(["gcc", *STRICT, *flags, "-shared", "-fPIC", "-o", library, *sources], check=True, timeout=120)
        loaded = ctypes.CDLL(str(library))
        self.function = loaded.scene_logmel_frame
        self.function.restype = None
        self.memory = np.zeros(front_end_bytes(fe, arithmetic) // 8, np.float64)
        self.scaling = Scaling.in_dll(loaded, "scene_features")  # of single precision
        if arithmetic == "integer":
            self.addends = (ctypes.c_int32 * fe.mels).in_dll(loaded, "scene_addends")

    def frame(self, ring: npt.NDArray[np.int16], start: int, first: int, end: int) -> npt.NDArray[np.int8]:
        """One frame, from a ring of its samples."""
        out = np.zeros(self.front_end.mels, np.int8)
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (ring, self.memory, out)]
        self.function(
            pointers[0], ctypes.c_uint32(start), ctypes.c_uint32(first), ctypes.c_uint32(end), pointers[1], pointers[2]
        )
        return out

    def window(self, samples: npt.NDArray[np.int16], t: int, start: int) -> npt.NDArray[np.int8]:
        """Frame t of a clip; its window begins in the ring at `start`."""
        fe, span = self.front_end, samples_of_frame(self.front_end)
        begin, ahead = t * fe.hop - samples_before(fe), fe.samples - fe.emphasised
        first, end = max(0, -begin), max(0, min(fe.window, len(samples) - ahead - begin))
        ring = np.full(span, 12345, np.int16)  # what lies beyond the clip's edges must not be read
        # as the stream has them: all samples of the frame, or at the clip's end the last ones
        last = min(begin + span, len(samples))
        for at in range(max(0, last - span), last):
            ring[(at - begin + start) % span] = samples[at]
        return self.frame(ring, start, first, end)

    def clip(self, samples: npt.NDArray[np.int16], turn: int = 0) -> npt.NDArray[np.int8]:
        """The features of a clip, (mels, frames); frame t's window begins in the ring at turn * t."""
        fe = self.front_end
        return np.stack([self.window(samples, t, turn * t % samples_of_frame(fe)) for t in range(fe.frames)], axis=1)
