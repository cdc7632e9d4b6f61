"""What an exported folder takes of a core: instructions of a clip by part and operator, stack, code and tables, RAM."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwasc.deploy.firmware.emulator import BOARD, PROFILE, PROGRAM, WRAPPED, parse, run_image
from hwasc.deploy.firmware.sizes import Sizes, read_map
from hwasc.deploy.firmware.stack import StackBound, stack_bound
from hwasc.deploy.firmware.toolchain import Core, compile_objects, link, link_firmware
from hwasc.errors import DataError

ENTRY = "scene_push"
HOOKED = "scene_net.c"  # the file that counts by operator


@dataclass(frozen=True, kw_only=True)
class Built:
    """What the compiler and the linker tell of a firmware.

    Attributes:
        core: Name of the core.
        sizes: Bytes in flash and of variables.
        stack: The bound of the stack of `scene_push`, which calls all else.
    """

    core: str
    sizes: Sizes
    stack: StackBound


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A firmware built for a core and run in the emulator for one clip.

    Attributes:
        core: Name of the core.
        sizes: Bytes in flash and of variables.
        stack_bound: Bytes of stack, bounded by the compiler's figures.
        stack: Bytes of stack that were used, painted.
        state: Bytes of `scene_state`.
        clip: Instructions from a clip's first sample to its logits.
        front_end: Of these, the log-mel's.
        frames: That the clip has.
        net: Of these, the net's.
        operators: Instructions by number of the operator in the graph.
        logits: Of a clip of noise.
    """

    core: str
    sizes: Sizes
    stack_bound: int
    stack: int
    state: int
    clip: int
    front_end: int
    frames: int
    net: int
    operators: dict[int, int]
    logits: tuple[int, ...]

    @property
    def loop(self) -> int:
        """Instructions of the net that no operator takes: choosing the next row, copying the features."""
        return self.net - sum(self.operators.values())


def build_folder(folder: Path, core: Core, build: Path) -> Built:
    """Build an exported folder for a core, and read sizes and the stack's bound.

    Args:
        folder: That `hwasc export --format c` wrote.
        core: The core.
        build: A folder for objects and images; it is made.

    Returns:
        What was built.

    Raises:
        DataError: There is no firmware in the folder.
        HwascError: The compiler is not installed, or refuses a file.
    """
    source = folder / "src"
    if not (source / "scene.c").exists():
        raise DataError(f"{folder}: no src/scene.c; `hwasc export --format c` writes such a folder")
    objects = compile_objects(sorted(source.glob("*.c")), core, build / "firmware", include=[source])
    image = link_firmware(objects, core, build / "firmware.elf")
    usage = (build / "firmware").glob("*.su")
    return Built(core=core.name, sizes=read_map(Path(f"{image}.map")), stack=stack_bound(image, usage, ENTRY))


def measure_folder(folder: Path, core: Core, build: Path) -> Measured:
    """Build an exported folder for a core and run a clip of noise through it in the emulator.

    Args:
        folder: That `hwasc export --format c` wrote.
        core: The core.
        build: A folder for objects and images; it is made.

    Returns:
        What was measured, the same each time.

    Raises:
        DataError: There is no firmware in the folder.
        HwascError: A tool is not installed, refuses a file or fails.
    """
    built = build_folder(folder, core, build)
    source = folder / "src"
    objects = sorted((build / "firmware").glob("*.o"))
    names = (*PROGRAM, "scene_count_stack", "scene_count_clip")
    programs = compile_objects(
        [source / HOOKED, *(BOARD / f"{name}.c" for name in names)],
        core,
        build / "program",
        include=[source, BOARD],
        flags=PROFILE,
    )
    hooked, *common, painting, counting = programs
    painted = link([*objects, *common, painting], core, build / "stack.elf")
    stack = parse(run_image(painted, core), source=painted)
    plain = [o for o in objects if o.name != hooked.name]
    image = link([*plain, hooked, *common, counting], core, build / "clip.elf", flags=WRAPPED)
    found = parse(run_image(image, core), source=image)
    if found.values != stack.values:
        raise DataError(f"{folder}: two programs of one firmware gave different logits for the same samples")
    return Measured(
        core=core.name,
        sizes=built.sizes,
        stack_bound=built.stack.bytes,
        stack=stack.numbers["stack"],
        state=stack.numbers["state"],
        clip=found.instructions["clip"],
        front_end=found.instructions["front_end"],
        frames=found.numbers["frames"],
        net=found.instructions["net"],
        operators=found.operators,
        logits=found.values,
    )
