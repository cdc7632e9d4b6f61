"""Train the teachers by cross-fitting, fit the fusion heads z1 and z2 on their out-of-fold logits, and compare them on
validation clips. `search` and `distill` do this on demand; what is trained is kept in the cache.
"""

from __future__ import annotations

import argparse

from hwasc.cli import common

EXAMPLES = """examples:
  hwasc teach
  hwasc teach --data my_recordings --set teachers.families=[cp_resnet,bc_resnet,crnn] --set teachers.folds=4 --workers 2"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    common.add_data(parser)


def run(args: argparse.Namespace) -> None:
    """Teach and print the fusion table."""
    ws = common.workspace(args)
    from hwasc.pipelines.fusing import fuse

    fused = fuse(ws)
    rows = fused.table(
        ws.features(ws.dataset.validation, fused.teachers.specs[0].front_end, "validation"), "validation"
    )
    if args.json:
        common.print_json({"fusion": rows, "clips": len(ws.dataset.validation), "split": "validation"})
        return
    for r in rows:
        print(f"{r.name:<20} {r.accuracy:6.1%}   log loss {r.log_loss:.3f}")
    single = max(r.accuracy for r in rows if r.name in fused.teachers.names)
    by_name = {r.name: r for r in rows}
    fusion, mean = by_name["z1+z2"], by_name["mean"]
    print(
        f"z1+z2 against the best teacher: {fusion.accuracy - single:+.1%}; "
        f"against the mean logit: {fusion.accuracy - mean.accuracy:+.1%}"
    )
