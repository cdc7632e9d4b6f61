"""Fetch a public data set or pretrained net, or check what a data folder holds.

`fetch`: downloads, checks and unpacks the archives of TAU Urban Acoustic Scenes 2022 Mobile and the DCASE subset lists; or puts a
pretrained net into the cache, which is one of the default teachers from then on.
`check`: decodes every listed file, counts, and compares the counts with those of the official lists.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hwasc
from hwasc.cli import common
from hwasc.cli.next_step import next_step
from hwasc.errors import DataError, UsageError

if TYPE_CHECKING:
    from hwasc.data.inventory import Inventory, Row

EXAMPLES = """examples:
  hwasc data fetch tau2022 /data/tau2022          # the same command continues, or replaces missing files
  hwasc data fetch yamnet                         # 4 MB into the cache; --from FILE copies it from a file
  hwasc data check /data/tau2022 --workers 8
  hwasc data check my_recordings"""
NAMED = 3  # files that are named on a line
GROUPS = 12  # scenes or recorders that are listed one by one
LISTED = 5  # files that a fault names
REASONS = 6  # reasons why files cannot be used
PLACES = 8  # locations that are listed one by one; if there are more, only their number is printed


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    from hwasc.records.teacher_settings import PUBLIC_NETS

    verbs = parser.add_subparsers(dest="what", metavar="fetch|check", required=True)
    fetch = verbs.add_parser("fetch", help="download a public data set or net", description=_fetch.__doc__)
    fetch.add_argument(
        "name",
        metavar="NAME",
        choices=("tau2022", *PUBLIC_NETS),
        help="tau2022: TAU Urban Acoustic Scenes 2022 Mobile; yamnet: a pretrained net for the ensemble of teachers",
    )
    fetch.add_argument(
        "dir",
        metavar="DIR",
        type=Path,
        nargs="?",
        help="of a data set: a new folder, or one that was fetched into before",
    )
    fetch.add_argument("--url", help="the JSON of another record (default Zenodo's); of a net, the address of a mirror")
    fetch.add_argument(
        "--from", metavar="FILE", type=Path, dest="file", help="of a net: copy this file, download nothing"
    )
    fetch.add_argument(
        "--cache", metavar="DIR", type=Path, help="of a net: where it is put (default $HWASC_CACHE or ~/.cache/hwasc)"
    )
    fetch.add_argument(
        "--subsets",
        metavar="URL|none",
        help="where split5.csv ... split50.csv lie (default the DCASE 2024 baseline's release)",
    )
    fetch.add_argument("--keep-archives", action="store_true", help="do not remove an archive once it is unpacked")
    common.add_output(fetch)
    check = verbs.add_parser("check", help="count and compare what a folder holds", description=_check.__doc__)
    check.add_argument("dir", metavar="DIR", type=Path, help="TAU 2022 Mobile, or a folder of recordings")
    check.add_argument(
        "--quick",
        action="store_true",
        help="check only that the files exist; nothing is decoded, so nothing is said of whether they can be used",
    )
    check.add_argument("--seconds", type=float, help="length of a clip (default: the setting data.seconds, 1)")
    check.add_argument("--config", metavar="FILE", type=Path, help="settings file (YAML), of which `data` is used")
    check.add_argument(
        "--set", metavar="A.B=C", action="append", default=[], dest="overrides", help="one setting; repeatable"
    )
    check.add_argument("--workers", type=common.whole(1), default=4, help="files that are decoded at once (default 4)")
    check.add_argument(
        "--cache",
        metavar="DIR",
        type=Path,
        help="later runs find lengths and fingerprints of the recordings there (default $HWASC_CACHE or ~/.cache/hwasc)",
    )
    common.add_output(check)


def run(args: argparse.Namespace) -> None:
    """Fetch or check."""
    (_fetch if args.what == "fetch" else _check)(args)


def _fetch(args: argparse.Namespace) -> None:
    """Of a data set, prints the disk space that is needed, resumes an interrupted download, checks every archive by the MD5 of
    the record, unpacks it once and removes it. Put archives that you downloaded in another manner into DIR/archives. A net is
    checked by its SHA-256 and put into the cache.
    """
    from hwasc.data.fetching import SOURCES
    from hwasc.records.teacher_settings import PUBLIC_NETS

    if args.name in PUBLIC_NETS:
        _fetch_net(args)
        return
    if args.dir is None or args.file or args.cache:
        raise UsageError(f"data fetch {args.name}: name a folder DIR to put it in; --from and --cache are for nets")
    source = SOURCES[args.name]
    print(f"{source.title}: {source.terms}, see {source.page}", file=sys.stderr)
    done = hwasc.fetch(
        args.name,
        args.dir,
        url=args.url,
        subsets=args.subsets,
        keep_archives=args.keep_archives,
        progress=not args.quiet,
    )
    if args.json:
        common.print_json(done)
        return
    print(f"{done.root}: {done.files:,} files of {done.archives} archives, {done.unpacked} of them unpacked just now")
    next_step(["data", "check", done.root])


def _fetch_net(args: argparse.Namespace) -> None:
    from hwasc.data.nets import NETS

    if args.dir or args.subsets or args.keep_archives:
        raise UsageError(
            f"data fetch {args.name}: a net is put into the cache (--cache); DIR, --subsets and --keep-archives are for data sets"
        )
    net = NETS[args.name]
    print(f"{net.title}: {net.terms}, see {net.page}", file=sys.stderr)
    path = hwasc.fetch_net(args.name, cache=args.cache, file=args.file, url=args.url, progress=not args.quiet)
    if args.json:
        common.print_json({"net": args.name, "file": str(path), "sha256": net.sha256, "bytes": net.size})
        return
    print(f"{path}: {net.size:,} bytes, SHA-256 {net.sha256}")
    print(
        f"{args.name} is one of the default teachers from now on, and `embedding: {args.name}` in `teachers` names it"
    )


def _check(args: argparse.Namespace) -> None:
    """Reads the folder as every other verb does, decodes all listed files, and prints the counts beside the expected ones, files
    that cannot be used, copies of the same sound, what is odd about channels, levels and bandwidth, and properties that tell the
    class by themselves. Exit status 1 when files are missing or cannot be used.
    """
    if args.seconds is not None and not 0 < args.seconds < float("inf"):
        raise UsageError(f"--seconds must be above 0, found {args.seconds:g}")
    from hwasc.records.settings import Settings

    settings = Settings.load(args.config, args.overrides)
    seconds = args.seconds or settings.data.seconds
    found = hwasc.check(
        args.dir,
        quick=args.quick,
        seconds=seconds,
        workers=args.workers,
        settings=settings,
        cache=args.cache,
        progress=not args.quiet,
    )
    if args.json:
        common.print_json(found)
    else:
        _print(found, seconds)
    if found.faults:
        raise DataError(f"{found.root}: {found.faults[0]}{_and_more(found)}; {_advice(found)}")
    if not args.json:
        next_step(["search", "--budget", "dcase2024", "--data", found.root])


def _print(found: Inventory, seconds: float) -> None:
    common.print_text({
        "tau2022": f"{found.root}: TAU Urban Acoustic Scenes 2022 Mobile, development dataset, by its official lists",
        "lists": f"{found.root}: in TAU's layout, with lists of its own: there are no official counts to compare with",
        "folder": f"{found.root}: recordings without official lists: there are no counts to compare with",
        "layout": f"{found.root}: {found.layout}: there are no counts to compare with",
    }[found.kind])  # fmt: skip
    (_print_recordings if found.kind in ("folder", "layout") else _print_parts)(found, seconds)
    if found.lengths:
        low, middle, high = found.lengths
        rates = ", ".join(f"{rate:,} Hz ({count:,})" for rate, count in found.rates.items())
        common.print_text(f"lengths {low:.2f} to {high:.2f} s, median {middle:.2f} s; rates {rates}{_sound(found)}")
    if found.subsets:
        common.print_text(
            "subsets of train: " + ", ".join(f"{name} % {count:,}" for name, count in found.subsets.items())
        )
    for line in found.notes:
        common.print_text(line)
    _print_files(found)
    _print_unusable(found)
    for line in found.warnings:
        common.print_text(f"warning: {line}")
    for line in found.faults:
        common.print_text(f"fault: {line}")
    if not found.faults:
        common.print_text(
            "all files are there" if found.quick else "complete" if found.kind == "tau2022" else "can be used"
        )


def _sound(found: Inventory) -> str:
    channels = ", ".join(f"{n} ({count:,})" for n, count in found.channels.items())
    level = f"; levels {found.levels[0]:.0f} to {found.levels[2]:.0f} dB" if found.levels else ""
    return (f"; channels {channels}" if len(found.channels) > 1 else "") + level


def _print_unusable(found: Inventory) -> None:
    """A line for each reason with the first files, if the line of the fault or warning cannot name all."""
    if len(found.unusable) <= LISTED:
        return
    reasons: dict[str, list[str]] = {}
    for name, why in found.unusable.items():
        reasons.setdefault(why.split(":")[0], []).append(name)
    for kind, names in list(reasons.items())[:REASONS]:
        common.print_text(
            f"  {kind}: {len(names):,}, {', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''}"
        )
    common.print_text("  --json names all")


def _print_files(found: Inventory) -> None:
    """A line for each reason; their numbers sum up to all files below the folder."""
    common.print_text(f"files below the folder: {sum(found.files_by_reason.values()):,}")
    for why, count in found.files_by_reason.items():
        if count or why == "used":
            names = ", ".join(found.left_out.get(why, ())[:NAMED])
            more = ", ..." if count > NAMED else ""
            common.print_text(f"{count:>8,} {why}" + (f": {names}{more}" if names else ""))


def _print_parts(found: Inventory, _: float) -> None:
    """A line for each scene and device, two columns for each part."""
    cells = {(r.part, r.group, r.name): r for r in found.rows if r.group != "location"}
    parts = list(dict.fromkeys(r.part for r in found.rows))
    places = {p: sum(r.part == p and r.group == "location" for r in found.rows) for p in parts}
    titles = {"neither": "in neither list"}
    common.print_text(f"{'clips':<24}" + "".join(f"{titles.get(p, p):>18}" for p in parts))
    common.print_text(f"{'':<24}" + f"{'expected':>9}{'found':>9}" * len(parts))
    for group, name in dict.fromkeys((g, n) for _, g, n in sorted(cells, key=lambda k: (_ORDER.index(k[1]), k[2]))):
        title = "all" if group == "all" else f"{group} {name}"
        common.print_text(f"{title:<24}" + "".join(_pair(cells.get((p, group, name))) for p in parts))
    common.print_text(f"{'locations':<24}" + "".join(f"{places[p]:>18,}" for p in parts))


_ORDER = ("all", "scene", "device")


def _pair(row: Row | None) -> str:
    if row is None:
        return f"{'–':>9}{'–':>9}"
    wanted = row.listed if row.expected is None else row.expected
    return f"{wanted:>9,}{row.found:>8,}{' ' if row.found == wanted == row.listed else '!'}"


def _print_recordings(found: Inventory, seconds: float) -> None:
    usable = "there" if found.quick else "usable"
    common.print_text(f"{'':<28}{'recordings':>12}{usable:>12}{f'clips of {seconds:g} s':>16}{'minutes':>12}")
    most = {"all": 1, "scene": GROUPS, "device": PLACES, "location": PLACES}
    for group in most:
        rows = [r for r in found.rows if r.group == group]
        shown = rows if len(rows) <= most[group] else rows[: most[group] - 1] if group != "location" else []
        for row in shown:
            title = "all" if group == "all" else f"{group} {row.name}"
            clips = "–" if row.clips is None else f"{row.clips:,}"
            minutes = "–" if row.seconds is None else f"{row.seconds / 60:,.1f}"
            common.print_text(f"{title[:28]:<28}{row.listed:>12,}{row.found:>12,}{clips:>16}{minutes:>12}")
        if len(rows) > len(shown):
            sizes = sorted(r.listed for r in rows[len(shown) :])
            counts = f"{sizes[0]:,} to {sizes[-1]:,}" if sizes[0] != sizes[-1] else f"{sizes[0]:,}"
            common.print_text(f"{len(sizes):,} {'more ' if shown else ''}{group}s, of {counts} recordings")


def _and_more(found: Inventory) -> str:
    return f" (and {len(found.faults) - 1} more faults)" if len(found.faults) > 1 else ""


def _advice(found: Inventory) -> str:
    if found.kind == "tau2022":
        return "run `hwasc data fetch tau2022` with the same folder or a new one, which downloads what is missing"
    return "repair, add or remove these files"
