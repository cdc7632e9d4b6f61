"""How far a linear classifier gets on the synthetic data set from the mean log-mel spectrum of each clip.

    python experiments/synthetic/difficulty.py FOLDER

FOLDER is a data set written by `hwasc.data.synthetic.generate`, or TAU Urban Acoustic Scenes 2022 Mobile itself; a
folder that does not exist yet is generated first, with the default specification. Prints macro accuracies in %.
"""

import argparse
import csv
from pathlib import Path

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hwasc.data.synthetic import generate

N_FFT, WINDOW, HOP, MELS = 4096, 3072, 500, 64
SEEN, UNSEEN = ("a", "b", "c", "s1", "s2", "s3"), ("s4", "s5", "s6")


def mean_log_mel(path: Path) -> NDArray[np.float32]:
    """The clip's log-mel spectrum averaged over its frames, shape (MELS,)."""
    sound, rate = soundfile.read(path, dtype="float32")
    mel = librosa.feature.melspectrogram(y=sound, sr=rate, n_fft=N_FFT, win_length=WINDOW, hop_length=HOP, n_mels=MELS)
    return np.log(mel + 1e-5).mean(axis=1)


def read_fold(root: Path, name: str) -> tuple[NDArray[np.float32], NDArray[np.str_], NDArray[np.str_]]:
    """Features (clips, MELS), scene labels (clips,) and devices (clips,) of one fold file."""
    with open(root / "evaluation_setup" / f"fold1_{name}.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    files = [row["filename"] for row in rows]
    features = np.stack([mean_log_mel(root / file) for file in files])
    devices = [Path(file).stem.rsplit("-", 1)[1] for file in files]
    return features, np.array([row["scene_label"] for row in rows]), np.array(devices)


def macro_accuracy(right: NDArray[np.bool_], scenes: NDArray[np.str_]) -> float:
    """The mean over scenes of each scene's accuracy, in %."""
    return 100.0 * float(np.mean([right[scenes == scene].mean() for scene in np.unique(scenes)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    root: Path = parser.parse_args().folder
    if not root.exists():
        generate(root)
    train, train_scenes, _ = read_fold(root, "train")
    test, test_scenes, devices = read_fold(root, "evaluate")
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(train, train_scenes)
    right = model.predict(test) == test_scenes
    each = {name: (name,) for name in np.unique(devices)}
    groups = {"all": np.unique(devices), "seen": SEEN, "unseen": UNSEEN} | each
    print(f"{len(train)} train clips, {len(test)} test clips")
    print(f"{'training':8} {macro_accuracy(model.predict(train) == train_scenes, train_scenes):5.1f}")
    for name, members in groups.items():
        chosen = np.isin(devices, members)
        print(f"{name:8} {macro_accuracy(right[chosen], test_scenes[chosen]):5.1f}")
    for scene in np.unique(test_scenes):
        print(f"{scene:18} {100 * right[test_scenes == scene].mean():5.1f}")


if __name__ == "__main__":
    main()
