"""Count what an architecture costs on the chip: parameters, MACs by both rules, int8 weights and peak activation memory, layer
by layer, compared with a budget. A .tflite file is also loaded in the chip's interpreter; its arena is shown beside the predicted
one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import hwasc
from hwasc.cli import common
from hwasc.cli.next_step import next_step
from hwasc.cli.verdict_lines import print_verdict

EXAMPLES = """examples:
  hwasc profile --arch best.json
  hwasc profile --model student.tflite --npu ethos-u55-128
  hwasc profile --arch cp_mobile --budget cortex-m4-128k --cross-checks
  hwasc profile --arch best.json --budget dcase2024 --json
  hwasc profile --arch best.json --emulate cortex-m4
  hwasc profile --arch best.json --sample-rate 16000
  hwasc profile --arch best.json --html report.html"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--arch", metavar="FILE|PRESET", help="best.json of a search, or a preset")
    what.add_argument(
        "--model", metavar="FILE", type=Path, help="student.tflite: its architecture, and its arena measured"
    )
    parser.add_argument(
        "--budget", metavar="NAME|FILE", help="compare the costs with it (default: the budget of the search)"
    )
    parser.add_argument("--cross-checks", action="store_true", help="also count with fvcore and thop")
    parser.add_argument(
        "--npu", metavar="NAME", help="with --model: Arm Vela's estimate for an Ethos-U, e.g. ethos-u55-128"
    )
    parser.add_argument(
        "--emulate",
        metavar="CORE",
        help="also build the C export for this core, e.g. cortex-m4, and count a clip's instructions by layer in QEMU",
    )
    parser.add_argument(
        "--patches",
        metavar="N|auto",
        help="also compare with a .tflite that runs its largest maps in frequency patches: arena, MACs",
    )
    common.add_sample_rate(parser, "the same net with a log-mel at this rate; not for presets and --model")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a self-contained page")
    common.add_output(parser)


def run(args: argparse.Namespace) -> None:
    """Profile and print."""
    result = hwasc.profile(
        args.arch,
        budget=args.budget,
        model=args.model,
        npu=args.npu,
        cross_checks=args.cross_checks,
        emulate=args.emulate,
        patches=args.patches,
        html=args.html,
        sample_rate=args.sample_rate,
    )
    if args.json:
        common.print_json(result.to_json())
        return
    from hwasc.api.inputs import as_architecture
    from hwasc.cli.profile_tables import print_profile
    from hwasc.report.verdicts import profile_verdict

    print_profile(result)
    if result.emulation is not None:
        from hwasc.cli.emulation_table import print_emulation

        print_emulation(result.emulation)
    provenance = as_architecture(args.arch).provenance if args.arch else {}
    print_verdict(profile_verdict(result, provenance))
    if args.html:
        print(f"page {args.html}")
    if args.arch:
        next_step(["distill", "--arch", args.arch])
    else:
        next_step(["evaluate", "--model", args.model])
