"""An account of the teachers for people: what each hears, sees and costs, and what each adds to the ensemble."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwasc.data.features import Features
from hwasc.ensemble.cross_fitting import held_out_logits
from hwasc.ensemble.external import ExternalTeacher
from hwasc.ensemble.fusion import Fused
from hwasc.ensemble.leave_one_out import leave_one_out
from hwasc.models.teachers import describe
from hwasc.records import schema


def summarize(fused: Fused, features: Features, what: str) -> dict[str, Any]:
    """JSON-ready: the teachers, the fusion table, the view that students learn from, whom z1 believes by scene and device, and
    leave-one-out, over the clips of a split that none was trained on.

    features: through `fused.front_end`.
    """
    teachers, logits = fused.teachers, held_out_logits(fused.teachers, fused.workspace, features, what).mean(1)
    return schema.plain(
        {
            "split": what,
            "clips": len(features),
            "teachers": [*_trained(fused), *(_external(o) for o in teachers.external)],
            "fusion": fused.table(features, what),
            "view": fused.view,
            "mixing": _mixing(fused, features, what),
            "leave_one_out": leave_one_out(teachers.names, logits, features.labels),
        }
    )


def _mixing(fused: Fused, features: Features, what: str) -> dict[str, dict[str, dict[str, float]]]:
    """z1's mean weight of each teacher: scene or device -> its name -> teacher -> 0..1."""
    weights = fused.mixing(features, what)
    keys = {"scene": [c.scene for c in features.clips], "device": [c.device for c in features.clips]}
    return {
        key: {
            group: dict(zip(fused.teachers.names, weights[np.array(of) == group].mean(0).tolist(), strict=True))
            for group in sorted(set(of))
        }
        for key, of in keys.items()
    }


def _trained(fused: Fused) -> list[dict[str, Any]]:
    out = []
    for spec, start in zip(fused.teachers.specs, fused.teachers.starts, strict=True):
        d = describe(spec, len(fused.teachers.train.classes))
        out.append(
            {
                "name": spec.family,
                "width": spec.width,
                "front_end": schema.plain(spec.front_end),
                "receptive_field": d.receptive_field,
                "beyond": d.beyond,
                "parameters": d.parameters,
                "macs": d.macs,
                "pretrained": {
                    "file": start.file.name,
                    "hash": start.hash,
                    "rename": start.rename,
                }
                if start
                else None,
            }
        )
    return out


def _external(teacher: ExternalTeacher) -> dict[str, Any]:
    s = teacher.setting
    return {"name": s.name, "front_end": teacher.front_end, "model": s.model, "logits": s.logits, "hash": teacher.hash}
