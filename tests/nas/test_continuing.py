"""A finished search goes on: more trials, another winner, any trial distilled with the settings of the search."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hwasc.models.supernet import Supernet
from hwasc.nas.start import read_start
from hwasc.nas.trial import read_trials
from hwasc.records import architecture as architectures
from hwasc.records.earlier_run import read_run
from hwasc.records.space import SearchSpace
from hwasc.training.weights import load_weights

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
SUPERNET = ("--set", "search.proxy=supernet", "--set", "search.proxy_steps=1", "--rescore", "0")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("continuing")


def searched(hwasc: Run, tiny_space: Path, *more: object) -> dict[str, object]:
    argv = ("search", "--budget", "dcase2024", "--space", tiny_space, "--json", *SUPERNET, *more)
    status, out, err = hwasc(*argv, tiny=True)
    assert status == 0, err
    result: dict[str, object] = json.loads(out)
    return result


def test_more_trials_end_where_a_longer_search_does(hwasc: Run, tiny_space: Path, made: Path) -> None:
    searched(hwasc, tiny_space, "--run", made / "s", "--trials", 3)
    assert not (made / "best.json").exists() and not Path("best.json").exists(), "the winner stays in the run folder"
    status, out, err = hwasc("search", "--run", made / "s", "--trials", 5, "--json")
    assert status == 0, err
    assert f"continues {made / 's'}" in err
    extended = json.loads(out)
    whole = searched(hwasc, tiny_space, "--run", made / "whole", "--trials", 5)
    assert extended["trials"] == whole["trials"] == 5
    assert extended["costs"] == whole["costs"]
    trials = [read_trials(made / run / "trials.jsonl") for run in ("s", "whole")]
    longer, at_once = ([replace(t, seconds=0.0) for t in found.values()] for found in trials)
    assert longer == at_once
    assert read_run(made / "s").settings == read_run(made / "whole").settings
    status, _, err = hwasc("search", "--run", made / "s", "--trials", 4)
    assert status == 2 and "settings.search.trials was 5, is now 4" in err


def test_first_scores_of_one_search_are_all_of_one_precision(hwasc: Run, tiny_space: Path, made: Path) -> None:
    """Without second scores first scores are of int8 nets, with them of float ones."""
    run = made / "p"
    argv = ("search", "--budget", "dcase2024", "--space", tiny_space, *SUPERNET[:-2], "--trials", 2, "--run", run)
    searched(hwasc, tiny_space, "--run", run, "--trials", 2)
    status, _, err = hwasc(*argv, tiny=True)
    assert status == 2 and "settings.search.proxy_precision was 'int8', is now 'float'" in err
    status, _, err = hwasc("search", "--run", run, "--trials", 3, "--rescore", 1)
    assert status == 0, err
    first = read_trials(run / "trials.jsonl").values()
    assert len(first) == 3 and all(t.quantized for t in first)
    shutil.rmtree(run)
    assert hwasc(*argv, tiny=True)[0] == 0
    first, second = (read_trials(run / name).values() for name in ("trials.jsonl", "rescored.jsonl"))
    assert not any(t.quantized for t in first) and all(t.quantized for t in second)


def test_another_winner_is_named_and_the_copy_names_its_run(hwasc: Run, made: Path) -> None:
    best = json.loads((made / "s" / "best.json").read_text())["provenance"]["proxy"]["trial"]
    other = (best + 1) % 5
    status, out, err = hwasc("search", "--run", made / "s", "--pick", other, "--out", made / "picked.json")
    assert status == 0, err
    assert f"hwasc distill --arch {made / 'picked.json'}" in out
    record = architectures.load(made / "picked.json")
    assert record.id == read_trials(made / "s" / "trials.jsonl")[other].id
    assert record.provenance["run"] == "s" and record.provenance["proxy"]["chosen"] == "pick"
    assert json.loads((made / "s" / "result.json").read_text())["winner"] == other
    status, _, err = hwasc("search", "--run", made / "s", "--pick", 9)
    assert status == 2 and "no trial 9; this search has the trials 0 to 4" in err
    status, out, err = hwasc("search", "--run", made / "s", "--prefer", "memory", "--json")
    assert status == 0, err
    trials = read_trials(made / "s" / "trials.jsonl").values()
    top = max(trials, key=lambda t: t.score)
    least = min(t.memory for t in trials if t.score >= top.score - top.score_error)
    assert json.loads(out)["trial"]["memory"] == least


def test_any_trial_is_distilled_from_its_slice_with_the_settings_of_the_search(
    hwasc: Run, made: Path, tiny_space: Path, tiny_data: Path, tiny_cache: Path
) -> None:
    chosen = json.loads((made / "s" / "result.json").read_text())["winner"]
    number = (chosen + 1) % 5
    still = ("--set", "distill.train.lr=1e-12", "--set", "distill.train.epochs=1")  # it ends with what it starts from
    status, out, err = hwasc(
        "distill", "--arch", f"{made / 's'}:{number}", "--run", made / "d", "--json", *still, "--seed", 0
    )
    assert status == 0, err
    assert json.loads(out)["initial_weights"]["from"] == "slice"
    run = read_run(made / "d")
    assert run.inputs is not None and (run.inputs.data, run.inputs.cache) == (str(tiny_data), str(tiny_cache))
    assert run.settings.teachers == read_run(made / "s").settings.teachers and run.settings.distill.train.epochs == 1
    record = architectures.load(made / "s" / f"trial-{number}.json")
    trial = read_trials(made / "s" / "trials.jsonl")[number]
    assert record.id == trial.id and record.provenance["proxy"]["trial"] == number
    assert record.provenance["costs"]["parameters"] == trial.parameters
    newest = max((tiny_cache / "supernets").glob("*.safetensors"), key=lambda p: p.stat().st_mtime)
    net = Supernet(SearchSpace.load(str(tiny_space)), 10)
    net.load_state_dict(load_weights(newest))
    found = load_weights(made / "s" / f"trial-{number}.safetensors")
    slice_ = net.student(trial.point)
    assert all(torch.equal(found[name], p) for name, p in slice_.named_parameters())
    # the supernet was not in the cache at first, and is again
    architectures.save(made / "s" / f"trial-{number}.json", record.architecture, record.provenance, clips=record.clips)
    status, out, err = hwasc("distill", "--arch", f"{made / 's'}:{number}", "--run", made / "d2", "--json", *still)
    assert status == 0 and json.loads(out)["initial_weights"]["from"] == "slice", err


def test_a_search_starts_from_the_supernet_and_the_scores_of_another(
    hwasc: Run, made: Path, tiny_space: Path, tiny_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = read_trials(made / "s" / "trials.jsonl")
    macs = sorted(t.macs for t in earlier.values())[-1] - 1  # without the largest
    (made / "half.yaml").write_text(
        f"name: half\nlimits: {{macs: {{max: {macs}}}, parameter_memory: {{max: 128000}}}}\n"
    )
    supernets = set((tiny_cache / "supernets").glob("*.safetensors"))
    argv = ("search", "--budget", made / "half.yaml", "--space", tiny_space, *SUPERNET, "--trials", 4, "--json")
    argv = (*argv, "--set", "search.rescore_on=folds")  # what happens after the first scores does not matter
    status, out, err = hwasc(*argv, "--run", made / "h", "--start-from", made / "s", tiny=True)
    assert status == 0, err
    within = {t.id: t for t in earlier.values() if t.macs <= macs}
    said = f"{len(within)} of its 5 trials are within this budget; their scores hold here, and its supernet is used"
    assert 2 <= len(within) < 5 and said in err
    trials = read_trials(made / "h" / "trials.jsonl")
    assert len(trials) == 4 and all(t.macs <= macs for t in trials.values())
    assert all(trials[i].id in within for i in (0, 1)), "the two of a population come first"
    taken = [t for t in trials.values() if t.id in within]
    assert all(replace(t, number=0, proposed=0) == replace(within[t.id], number=0, proposed=0) for t in taken)
    assert set((tiny_cache / "supernets").glob("*.safetensors")) == supernets, "no supernet was trained"
    shutil.move(made / "s", made / "gone")
    same = hwasc(*argv, "--run", made / "h", "--start-from", made / "s", tiny=True)
    again = hwasc("search", "--run", made / "h", "--trials", 5, "--json")
    shutil.move(made / "gone", made / "s")
    assert same[0] == 0 and json.loads(same[1])["trials"] == 4, "the same command goes on with what was taken over"
    assert again[0] == 0 and json.loads(again[1])["trials"] == 5, "it goes on without the other folder"


def test_scores_that_do_not_hold_are_taken_anew(hwasc: Run, made: Path, tiny_space: Path) -> None:
    argv = ("search", "--budget", "dcase2024", "--space", tiny_space, *SUPERNET, "--trials", 2)
    argv = (*argv, "--set", "search.proxy_steps=2", "--run", made / "anew", "--start-from", made / "s")
    status, _, err = hwasc(*argv, tiny=True)
    assert status == 0, err
    assert "2 of its points are scored anew, because settings.search.proxy_steps was 1, is now 2" in err
    before = read_trials(made / "s" / "trials.jsonl").values()
    assert f"scores are predicted from its {len(before)} trials, too" in err
    assert read_start(made / "anew").earlier == list(before)
    points = [t.point for t in read_trials(made / "anew" / "trials.jsonl").values()]
    assert all(p in [t.point for t in read_trials(made / "s" / "trials.jsonl").values()] for p in points)
    status, _, err = hwasc(*argv[:-1], made / "nowhere", "--run", made / "none", tiny=True)
    assert status == 2 and "nowhere: is not the run folder of a search" in err


def test_a_run_folder_that_is_taken_is_numbered(
    hwasc: Run, made: Path, tiny_space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    first = searched(hwasc, tiny_space, "--trials", 2)
    second = searched(hwasc, tiny_space, "--trials", 2, "--set", "search.proxy_steps=2")
    again = searched(hwasc, tiny_space, "--trials", 2)
    longer = searched(hwasc, tiny_space, "--trials", 3)
    assert [r["run"] for r in (first, second, again, longer)] == ["runs/search", "runs/search-2", *["runs/search"] * 2]
    shutil.rmtree(made / "runs")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("search",), "--budget names what to search for"),
        (("search", "--run", "nowhere"), "--budget names what to search for"),
        (("distill", "--arch", "nowhere:3"), "nowhere is not the run folder of a search"),
        (("distill", "--arch", "{made}/s:99"), "has no trial 99; it has the trials 0 to 4"),
        (("profile", "--arch", "{made}/s:99"), "has no trial 99"),
        (("distill", "--arch", "{made}/best.json"), "a search leaves its winner in its run folder"),
    ],
)
def test_what_is_not_there_is_said_at_once(hwasc: Run, made: Path, argv: tuple[str, ...], message: str) -> None:
    status, _, err = hwasc(*(a.format(made=made) for a in argv))
    assert status == 2 and message in err and "synthetic" not in err


def test_profile_knows_any_trial(hwasc: Run, made: Path) -> None:
    trial = read_trials(made / "s" / "trials.jsonl")[0]
    status, out, err = hwasc("profile", "--arch", f"{made / 's'}:0", "--json")
    assert status == 0, err
    assert json.loads(out)["parameters"] == trial.parameters


def test_a_search_that_finds_no_more_candidates_says_so(
    hwasc: Run, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made / "whole", made / "patience")
    for module in ("study", "search"):
        monkeypatch.setattr(f"hwasc.nas.{module}.PATIENCE", 1)
    status, out, err = hwasc("search", "--run", made / "patience", "--trials", 60, "--json")
    assert status == 0, err
    scored = json.loads(out)["trials"]
    assert 0 < scored < 60
    assert f"{scored} of 60 candidates are scored: each of the last 1 proposals exceeds the budget" in err
