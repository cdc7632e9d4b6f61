"""Figures as event files in the folder `tensorboard` of the run: `tensorboard --logdir runs`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from hwasc.tracking.base import Tracker


class TensorBoard(Tracker):
    """Writes event files.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._writer = SummaryWriter(str(folder), flush_secs=10)

    def text(self, name: str, text: str) -> None:
        """Show a text (Markdown) beside the figures.

        Args:
            name: Its name.
            text: The text.
        """
        self._writer.add_text(name, text)

    def close(self) -> None:
        """See `Tracker`."""
        self._writer.close()

    def _log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)


def begin(run: Path, project: str, identity: str, parameters: Mapping[str, str]) -> TensorBoard:
    """Begin; a run that goes on adds an event file.

    Args:
        run: The run folder.
        project: Not used: TensorBoard names runs by their folders.
        identity: Not used, likewise.
        parameters: The configuration.

    Returns:
        The tracker.
    """
    tracker = TensorBoard(run / "tensorboard")
    tracker.text("configuration", "\n".join(f"    {name}: {value}" for name, value in parameters.items()))
    return tracker
