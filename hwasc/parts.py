"""The kinds of parts that other packages can add, one registry for each kind."""

from __future__ import annotations

from typing import Any

from hwasc.registry import Registry

BLOCKS: Registry[Any] = Registry(  # of subclasses of `hwasc.records.blocks.Block`
    "block",
    "hwasc.blocks",
    {
        "ir": "hwasc.records.blocks.inverted_residual:InvertedResidual",
        "axis": "hwasc.records.blocks.axis_residual:AxisResidual",
        "fused": "hwasc.records.blocks.fused_residual:FusedResidual",
        "pointwise": "hwasc.records.blocks.pointwise:Pointwise",
    },
)
TEACHERS: Registry[Any] = Registry(  # of `hwasc.models.teachers.Family`
    "teacher",
    "hwasc.teachers",
    {
        name: f"hwasc.models.teachers.{name}:FAMILY"
        for name in (
            *("cp_resnet", "crnn", "tf_sepnet", "bc_resnet", "patch_transformer", "cp_mobile", "mobilenet_v3"),
            *("resnet", "passt", "beats"),
        )
    }
    | {
        f"edp_{name}": f"hwasc.models.teachers.edp:{name.upper()}"
        for name in ("wide", "deep", "expanded", "kernel5", "inner_grn")
    },
)
STRATEGIES: Registry[Any] = Registry(  # of classes that fulfil `hwasc.nas.strategies.Strategy`
    "strategy",
    "hwasc.strategies",
    {
        "nsga2": "hwasc.nas.strategies.nsga2:Nsga2",
        "tpe": "hwasc.nas.strategies.nni_tpe:Tpe",
        "evolution": "hwasc.nas.strategies.nni_evolution:Evolution",
        "local": "hwasc.nas.strategies.local:Local",
        "random": "hwasc.nas.strategies.uniform:Uniform",
    },
)
PROXIES: Registry[Any] = Registry(  # of `hwasc.nas.proxies.Proxy`
    "proxy",
    "hwasc.proxies",
    {
        "supernet": "hwasc.nas.proxies.supernet:score",
        "distillation": "hwasc.nas.proxies.distillation:score",
        "parameters": "hwasc.nas.proxies.untrained:PARAMETERS",
        "macs": "hwasc.nas.proxies.untrained:MACS",
        "synflow": "hwasc.nas.proxies.untrained:SYNFLOW",
        "jacobian": "hwasc.nas.proxies.untrained:JACOBIAN",
        "naswot": "hwasc.nas.proxies.untrained:NASWOT",
    },
)
ENGINES: Registry[Any] = Registry(  # of classes that fulfil `hwasc.nas.engines.Engine`
    "engine",
    "hwasc.engines",
    {"local": "hwasc.nas.engines.local:LocalEngine", "ray": "hwasc.nas.engines.ray:RayEngine"},
)
# Of `hwasc.deploy.runtimes.Runtime`; the first one for a kind of file is the default.
RUNTIMES: Registry[Any] = Registry(
    "runtime",
    "hwasc.runtimes",
    {
        "tflm": "hwasc.deploy.runtimes.tflm:RUNTIME",
        "litert-ref": "hwasc.deploy.runtimes.litert_ref:RUNTIME",
        "onnx": "hwasc.deploy.runtimes.onnx:RUNTIME",
        "torch": "hwasc.deploy.runtimes.torch:RUNTIME",
        "c": "hwasc.deploy.runtimes.c:RUNTIME",
    },
)
EXPORTERS: Registry[Any] = Registry(  # of `hwasc.deploy.exporters.Exporter`
    "exporter",
    "hwasc.exporters",
    {
        "onnx": "hwasc.deploy.onnx_qcdq:EXPORTER",
        "tflite": "hwasc.deploy.tflite:EXPORTER",
        "c": "hwasc.deploy.firmware.exporter:EXPORTER",
        "tflm": "hwasc.deploy.tflm.exporter:EXPORTER",
        "web": "hwasc.deploy.web.exporter:EXPORTER",
    },
)
