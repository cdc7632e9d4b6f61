"""Clips that slide over a stream: does a student decide otherwise if edge frames take the real samples around the clip?

A clip of training has zeros beyond its edges. On a stream the window of an edge frame could take the real samples there.
    python experiments/firmware/edges.py int8.safetensors FOLDER [hwasc's data folder of the same seed; default seed 0]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import hwasc
from hwasc.audio.frontend import LogMel
from hwasc.audio.reading import duration, read_clip
from hwasc.deploy.weight_files import open_weights


def main() -> None:
    """Print the share of clips whose class changes, and both accuracies."""
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", type=Path)
    parser.add_argument("data")
    parser.add_argument("--cache")
    args = parser.parse_args()
    opened = open_weights(args.weights)
    student, classes = opened.student, opened.classes
    fe = student.architecture.front_end
    margin = 8 * fe.hop / fe.sample_rate  # s on either side: whole frames, longer than half a window
    longer = replace(fe, seconds=fe.seconds + 2 * margin, frames=fe.frames + 16)
    clip_mel, stream_mel = LogMel(fe), LogMel(longer)
    clips = [
        c
        for c in hwasc.open(args.data, cache=args.cache).dataset.test
        if c.start >= margin and c.start + c.seconds + margin <= duration(c.path)
    ]
    rows = []
    for clip in clips:
        wave = torch.from_numpy(read_clip(clip.path, clip.start - margin, longer.seconds, fe.sample_rate))[None]
        start = round(margin * fe.sample_rate)
        alone = clip_mel(wave[:, start : start + fe.samples])
        among = stream_mel(wave)[:, :, 8 : 8 + fe.frames]
        with torch.no_grad():
            logits = student(torch.stack([alone, among]).float()).argmax(1)
        rows.append((classes.index(clip.scene), *logits.tolist()))
    truth, zeros, real = np.array(rows).T
    scenes = np.unique(truth)
    accuracy = {
        name: np.mean([np.mean(found[truth == s] == s) for s in scenes])
        for name, found in (("zeros", zeros), ("real", real))
    }
    edges = sum(not fe.window // 2 <= t * fe.hop <= fe.samples - fe.window // 2 for t in range(fe.frames))
    print(
        f"{len(rows)} clips, {edges} of {fe.frames} frames at edges: class changed in {np.mean(zeros != real):.1%}; macro "
        f"accuracy {accuracy['zeros']:.1%} with zeros, {accuracy['real']:.1%} with the neighbours"
    )


if __name__ == "__main__":
    main()
