"""`hwasc data fetch` from a local server: interrupted, repaired, refused; then `hwasc data check`."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

Run = Callable[..., tuple[int, str, str]]
TOP = "TAU-urban-acoustic-scenes-2022-mobile-development"
META = "filename\tscene_label\tidentifier\tsource_label\r\n"
LIST = "filename\tscene_label\r\n"
ROWS = [
    (f"audio/{scene}-lisbon-{place}-{place}-{k}-a.wav", scene, f"lisbon-{scene}{place}", "a")
    for scene in ("bus", "park")
    for place in range(6)
    for k in range(2)
]
TRAIN = [r for r in ROWS if not r[2].endswith("5")]
SUBSETS = {"5": 1, "10": 2, "25": 3, "50": 4}  # locations of each scene


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(f"{TOP}/{name}", data)
    return buffer.getvalue()


def wav(seed: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(
        buffer, 0.1 * np.random.default_rng(seed).standard_normal(8000), 8000, format="WAV", subtype="PCM_24"
    )
    return buffer.getvalue()


def text(head: str, rows: list[tuple[str, ...]]) -> bytes:
    return (head + "".join("\t".join(r[: head.count("\t") + 1]) + "\r\n" for r in rows)).encode()


@pytest.fixture(scope="module")
def archives() -> dict[str, bytes]:
    sounds = {r[0]: wav(i) for i, r in enumerate(ROWS)}
    names = list(sounds)
    lists = {
        "meta.csv": text(META, ROWS),
        "evaluation_setup/fold1_train.csv": text(LIST, TRAIN),
        "evaluation_setup/fold1_evaluate.csv": text(LIST, [r for r in ROWS if r not in TRAIN]),
    }
    return {
        f"{TOP}.audio.1.zip": zipped({n: sounds[n] for n in names[:12]}),
        f"{TOP}.audio.2.zip": zipped({n: sounds[n] for n in names[12:]}),
        f"{TOP}.meta.zip": zipped(lists),
    }


@pytest.fixture
def published(site: Any, archives: dict[str, bytes]) -> Any:
    """The server with a record of three archives and the subset lists."""
    site.files |= {f"files/{name}/content": data for name, data in archives.items()}
    for name, places in SUBSETS.items():
        site.files[f"lists/split{name}.csv"] = text(LIST, [r for r in TRAIN if int(r[2][-1]) < places])
    entries = [
        {
            "key": name,
            "size": len(data),
            "checksum": f"md5:{hashlib.md5(data).hexdigest()}",
            "links": {"self": f"{site.url}/files/{name}/content"},
        }
        for name, data in archives.items()
    ]
    site.record = {"id": 1, "files": [*entries, {"key": "README.md", "size": 3, "checksum": "md5:x", "links": {}}]}
    site.files["record"] = json.dumps(site.record).encode()
    return site


def command(site: Any, root: Path, *more: str) -> list[str]:
    return [
        "data",
        "fetch",
        "tau2022",
        str(root),
        "--url",
        f"{site.url}/record",
        "--subsets",
        f"{site.url}/lists",
        *more,
    ]


def audio(site: Any) -> int:
    return sum(site.bytes_of(p) for p in site.files if p.startswith("files/"))


def test_fetching_downloads_every_byte_once(
    hwasc: Run, published: Any, archives: dict[str, bytes], tmp_path: Path
) -> None:
    root, sizes = tmp_path / "tau", {n: len(d) for n, d in archives.items()}
    published.drops[f"files/{TOP}.audio.1.zip/content"] = [10_000, 60_000]
    status, out, err = hwasc(*command(published, root))
    assert status == 0, err
    assert "non-commercial" in err and "https://zenodo.org/records/6337421" in err
    assert err.index("non-commercial") < err.index("to download (3 of 3 archives)") < err.index("goes on from 10,000")
    assert "24 files" not in out and "27 files of 3 archives, 3 of them unpacked" in out and "hwasc data check" in out
    assert audio(published) == sum(sizes.values()), "resumed: no byte was sent twice"
    assert sorted(p.name for p in root.iterdir()) == [
        "archives",
        "audio",
        "evaluation_setup",
        "meta.csv",
        "split_setup",
    ]
    assert not list((root / "archives").glob("*.zip*[!d]")), "archives are removed after they are unpacked"
    status, out, err = hwasc(*command(published, root))
    assert status == 0 and "all 3 archives are unpacked" in err and audio(published) == sum(sizes.values())

    status, out, err = hwasc("data", "check", root)
    assert status == 0, err
    assert "lists of its own" in out and "8,000 Hz (24)" in out and "5 % 4, 10 % 8, 25 % 12, 50 % 16" in out
    (root / "audio" / "bus-lisbon-0-0-1-a.wav").write_bytes(b"")
    (root / "audio" / "park-lisbon-5-5-0-a.wav").unlink()
    status, out, err = hwasc("data", "check", root, "--json")
    found = json.loads(out)
    assert status == 1 and (found["missing"], found["unreadable"], found["files"]) == (1, 1, 24)
    assert found["unusable"] == {
        "audio/park-lisbon-5-5-0-a.wav": "missing", "audio/bus-lisbon-0-0-1-a.wav": "empty file",
    }  # fmt: skip
    assert "1 of 24 files are missing: audio/park-lisbon-5-5-0-a.wav" in err
    status, out, err = hwasc(*command(published, root))
    assert status == 0 and "2 of them unpacked just now" in out, "the same command repairs the folder"
    assert hwasc("data", "check", root, "--quick")[0] == 0


def test_the_fetched_folder_can_be_opened(hwasc: Run, published: Any, tmp_path: Path) -> None:
    from hwasc.data.opening import open_dataset

    assert hwasc(*command(published, tmp_path / "tau", "--quiet"))[0] == 0
    data = open_dataset(tmp_path / "tau", subset="50")
    assert (len(data.train) + len(data.validation), len(data.test)) == (16, 4)


def test_quiet_still_prints_the_terms_and_json_is_all_of_the_output(hwasc: Run, published: Any, tmp_path: Path) -> None:
    status, out, err = hwasc(*command(published, tmp_path / "tau", "--quiet", "--json", "--keep-archives"))
    done = json.loads(out)
    assert status == 0 and len(err.splitlines()) == 1 and "non-commercial" in err
    assert (done["archives"], done["unpacked"], done["files"], done["subsets"]) == (3, 3, 27, ["5", "10", "25", "50"])
    assert done["received"] == audio(published) and len(list((tmp_path / "tau" / "archives").glob("*.zip"))) == 3
    status, _, _ = hwasc(*command(published, tmp_path / "tau", "--quiet"))
    assert status == 0 and audio(published) == done["received"]


def test_too_little_disk_is_refused_with_figures_before_any_download(
    hwasc: Run, published: Any, archives: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=200_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    status, _, err = hwasc(*command(published, tmp_path / "tau"))
    assert status == 1 and "200.0 kB are free" in err.splitlines()[-1] and "are missing; free some space" in err
    assert f"{sum(map(len, archives.values())) / 1e3:.1f} kB to download" in err and audio(published) == 0


def test_disk_need_is_that_of_one_archive_after_the_other(tmp_path: Path) -> None:
    from hwasc.data.download import Remote
    from hwasc.data.fetching import disk_need

    two = [Remote("a.zip", "", 1000, "x"), Remote("b.zip", "", 2000, "x")]
    need = disk_need(tmp_path, tmp_path, two, keep_archives=False)
    assert (need.download, need.unpacked, need.peak) == (3000, 3600, 1200 + 2000 + 2400)
    assert disk_need(tmp_path, tmp_path, two, keep_archives=True).peak == 3000 + 3600
    (tmp_path / "b.zip.part").write_bytes(bytes(500))
    assert disk_need(tmp_path, tmp_path, two, keep_archives=False).download == 2500


def test_a_wrong_checksum_twice_is_one_line(
    hwasc: Run, published: Any, archives: dict[str, bytes], tmp_path: Path
) -> None:
    path = f"files/{TOP}.audio.2.zip/content"
    published.wrong[path] = 99
    status, _, err = hwasc(*command(published, tmp_path / "tau"))
    assert status == 1 and "twice in a row" in err.splitlines()[-1] and "Traceback" not in err
    published.wrong[path] = 0
    status, out, _ = hwasc(*command(published, tmp_path / "tau"))
    assert status == 0 and "27 files" in out
    for name, data in archives.items():
        times = 3 if name.endswith("audio.2.zip") else 1
        assert published.bytes_of(f"files/{name}/content") == times * len(data)


def test_archives_downloaded_by_other_means_are_checked_and_used(
    hwasc: Run, published: Any, archives: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "tau" / "archives").mkdir(parents=True)
    for name, data in archives.items():
        (tmp_path / "tau" / "archives" / name).write_bytes(data)
    status, _, err = hwasc(*command(published, tmp_path / "tau"))
    assert status == 0 and audio(published) == 0 and "0 bytes to download" in err


def test_a_folder_with_other_files_is_refused(hwasc: Run, published: Any, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    status, _, err = hwasc(*command(published, tmp_path))
    assert status == 1 and "did not write" in err.splitlines()[-1]
    assert [p.name for p in tmp_path.iterdir()] == ["README.md"] and not published.sent
    assert hwasc(*command(published, tmp_path / "README.md"))[0] == 1


def test_two_commands_do_not_fetch_into_one_folder(hwasc: Run, published: Any, tmp_path: Path) -> None:
    import filelock

    (tmp_path / "tau" / "archives").mkdir(parents=True)
    with filelock.FileLock(tmp_path / "tau" / "archives" / ".lock"):
        status, _, err = hwasc(*command(published, tmp_path / "tau"))
    assert status == 1 and "another command is fetching" in err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: b"<html>", "is not the JSON of a record"),
        (lambda r: b"[]", "is not the JSON of a record"),
        (lambda r: {"files": []}, "names no zip archives"),
        (lambda r: {"files": [{**r["files"][0], "key": "../../evil.zip"}]}, "is not a file name"),
        (lambda r: {"files": [{**r["files"][0], "checksum": "sha1:0"}]}, "has no MD5"),
        (lambda r: {"files": [{**r["files"][0], "links": {"self": "file:///etc/passwd"}}]}, "only https addresses"),
        (lambda r: {"files": [{**r["files"][0], "links": {"self": "http://example.org/x"}}]}, "only https addresses"),
        (
            lambda r: {"files": [*r["files"], {**r["files"][0], "links": {"self": "https://a..b/x"}}]},
            "cannot be followed",
        ),
        (lambda r: {"files": [{**r["files"][0], "key": "a.tar.gz"}]}, "it names a.tar.gz"),
    ],
    ids=["html", "list", "empty", "path", "sha1", "file", "http", "host", "tar"],
)
def test_broken_and_hostile_records(
    hwasc: Run, published: Any, tmp_path: Path, change: Callable[[Any], Any], message: str
) -> None:
    changed = change(published.record)
    published.files["record"] = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
    status, _, err = hwasc(*command(published, tmp_path / "tau"))
    assert status == 1 and message in err.splitlines()[-1] and "unexpected" not in err
    assert not list(tmp_path.rglob("*evil*"))


def test_a_mirror_may_have_its_files_beside_the_record(
    hwasc: Run, published: Any, archives: dict[str, bytes], tmp_path: Path
) -> None:
    published.files |= {f"mirror/{name}": data for name, data in archives.items()}
    for file in published.record["files"]:
        del file["links"]
    published.files["mirror/record.json"] = json.dumps(published.record).encode()
    argv = command(published, tmp_path / "tau")
    argv[argv.index("--url") + 1] = f"{published.url}/mirror/record.json"
    assert hwasc(*argv)[0] == 0 and published.bytes_of(f"mirror/{TOP}.meta.zip") == len(archives[f"{TOP}.meta.zip"])


def test_subset_lists_that_break_their_rules_are_deleted(hwasc: Run, published: Any, tmp_path: Path) -> None:
    good = published.files["lists/split25.csv"]
    published.files["lists/split25.csv"] = text(LIST, [TRAIN[0], *TRAIN[2:6], ROWS[-1]])
    status, _, err = hwasc(*command(published, tmp_path / "tau"))
    line = err.splitlines()[-1]
    assert (
        status == 1 and "split25.csv has 1 clips that split50.csv has not, first audio/park-lisbon-5-5-1-a.wav" in line
    )
    assert "split25.csv has only some clips of 1 recordings" in line and not list(
        (tmp_path / "tau" / "split_setup").iterdir()
    )
    published.files["lists/split25.csv"] = good
    before = audio(published)
    assert hwasc(*command(published, tmp_path / "tau"))[0] == 0 and audio(published) == before
    without = command(published, tmp_path / "other")
    without[without.index("--subsets") + 1] = "none"
    assert hwasc(*without)[0] == 0 and not (tmp_path / "other" / "split_setup").exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("data",), "required"),
        (("data", "fetch", "tau2021", "x"), "tau2022"),
        (("data", "fetch", "tau2022", "x", "--url", "file:///x"), "https://"),
        (("data", "check", "x", "--seconds", "0"), "above 0"),
    ],
)
def test_wrong_use(
    hwasc: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = hwasc(*argv)
    assert status == 2 and message in err and not list(tmp_path.iterdir())


def test_ctrl_c_exits_130_and_the_same_command_continues(
    published: Any, archives: dict[str, bytes], tmp_path: Path, hwasc: Run
) -> None:
    path = f"files/{TOP}.audio.1.zip/content"
    published.drops[path] = [30_000]

    def answer(to: Any, plain: Any = published.answer) -> None:
        plain(to)
        if published.bytes_of(path):  # from then on the server asks to wait; the command is interrupted while it waits
            published.statuses[path] = [(503, {"Retry-After": "600"})]

    published.answer = answer
    process = subprocess.Popen(
        [sys.executable, "-m", "hwasc", *command(published, tmp_path / "tau")],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 60
    part = tmp_path / "tau" / "archives" / f"{TOP}.audio.1.zip.part"
    while not (part.is_file() and part.stat().st_size == 30_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err and "continues from there" in err, err
    published.answer = type(published).answer.__get__(published)
    published.statuses.clear()
    assert hwasc(*command(published, tmp_path / "tau"))[0] == 0
    assert audio(published) == sum(map(len, archives.values())), "bytes received before were not sent again"


def test_a_net_is_put_into_the_cache(hwasc: Run, site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hwasc.data import nets

    content = b"a net" * 1000
    net = replace(nets.NETS["yamnet"], sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    monkeypatch.setattr(nets, "NETS", {"yamnet": net})
    site.files["net"], site.files["other"] = content, b"other" * 1000
    address = ("--url", f"{site.url}/net")
    status, out, err = hwasc("data", "fetch", "yamnet", "--cache", str(tmp_path), *address)
    assert status == 0 and net.sha256 in out and "Apache-2.0" in err, err
    assert nets.net_path("yamnet", tmp_path).read_bytes() == content
    sent = site.bytes_of("net")
    assert hwasc("data", "fetch", "yamnet", "--cache", str(tmp_path), *address)[0] == 0
    assert site.bytes_of("net") == sent, "what is there is not downloaded again"
    status, _, err = hwasc("data", "fetch", "yamnet", "--cache", str(tmp_path / "b"), "--url", f"{site.url}/other")
    assert status == 1 and "is another file than YAMNet" in err
    for more in (("x",), ("--subsets", "none")):
        assert hwasc("data", "fetch", "yamnet", *more)[0] == 2
    assert hwasc("data", "fetch", "tau2022", "--cache", str(tmp_path))[0] == 2
