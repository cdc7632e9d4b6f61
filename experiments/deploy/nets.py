"""Published nets as deployment graphs, for what is calibrated and checked on them: MLPerf Tiny's four, and two more.

Layers: the Keras models of github.com/mlcommons/tiny (benchmark/training/*/), TensorFlow Lite Micro's person_detect.tflite, and
MobileNetV2 as keras.applications builds it. A fully connected layer stands as the 1x1 convolution that it equals.
"""

from __future__ import annotations

from collections.abc import Callable

from hwasc.cost.graph import Graph, Operator, Shape
from hwasc.records.presets import make_divisible


class Net:
    """Builds a graph operator by operator; `x` is the tensor last written."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        self.tensors: list[Shape] = [(1, height, width, channels)]
        self.operators: list[Operator] = []
        self.x = 0

    def put(self, operator: Operator, shape: Shape) -> int:
        self.tensors.append(shape)
        self.operators.append(operator)
        self.x = operator.output
        return self.x

    def conv(self, channels: int, kernel: int = 1, stride: int = 1, taps: int = 0, at: int | None = None) -> int:
        """A convolution; taps: positions of a kernel that is not square."""
        source = self.x if at is None else at
        _, h, w, c = self.tensors[source]
        h, w = -(-h // stride), -(-w // stride)
        weights = (taps or kernel * kernel) * c * channels
        return self.put(
            Operator(
                "conv",
                "conv",
                (source,),
                len(self.tensors),
                kernel,
                (stride, stride),
                weights=weights,
                biases=channels,
                macs=weights * h * w,
            ),
            (1, h, w, channels),
        )

    def depthwise(self, stride: int = 1, multiplier: int = 1) -> int:
        _, h, w, c = self.tensors[self.x]
        h, w, c = -(-h // stride), -(-w // stride), c * multiplier
        return self.put(
            Operator(
                "depthwise",
                "depthwise",
                (self.x,),
                len(self.tensors),
                3,
                (stride, stride),
                weights=9 * c,
                biases=c,
                macs=9 * c * h * w,
            ),
            (1, h, w, c),
        )

    def pool(self, kernel: int) -> int:
        """The average of the whole map; kernel: the root of its positions."""
        c = self.tensors[self.x][3]
        return self.put(Operator("average_pool", "pool", (self.x,), len(self.tensors), kernel), (1, 1, 1, c))

    def add(self, other: int) -> int:
        return self.put(Operator("add", "sum", (other, self.x), len(self.tensors)), self.tensors[self.x])

    def graph(self) -> Graph:
        return Graph(tuple(self.tensors), tuple(self.operators), (0,), (self.x,))


def anomaly_detection() -> Graph:
    """AD: the fully connected autoencoder."""
    n = Net(1, 1, 640)
    for width in (128, 128, 128, 128, 8, 128, 128, 128, 128, 640):
        n.conv(width)
    return n.graph()


def keyword_spotting() -> Graph:
    """KWS: DS-CNN on 49 x 10."""
    n = Net(49, 10, 1)
    n.conv(64, 4, 2, taps=40)  # 10 x 4
    for _ in range(4):
        n.depthwise()
        n.conv(64)
    n.pool(11)  # 25 x 5
    n.conv(12)
    return n.graph()


def image_classification() -> Graph:
    """IC: ResNet-8 on 32 x 32 x 3."""
    n = Net(32, 32, 3)
    x = n.conv(16, 3)
    n.conv(16, 3)
    n.conv(16, 3)
    x = n.add(x)
    for channels in (32, 64):
        n.conv(channels, 3, 2)
        y = n.conv(channels, 3)
        n.conv(channels, 1, 2, at=x)
        x = n.add(y)
    n.pool(8)
    n.conv(10)
    return n.graph()


def _mobilenet_v1(n: Net, pool: int) -> Graph:
    for channels, stride in [
        (16, 1),
        (32, 2),
        (32, 1),
        (64, 2),
        (64, 1),
        (128, 2),
        *[(128, 1)] * 5,
        (256, 2),
        (256, 1),
    ]:
        n.depthwise(stride)
        n.conv(channels)
    n.pool(pool)
    n.conv(2)
    return n.graph()


def visual_wake_words() -> Graph:
    """VWW: MobileNetV1, a quarter as wide, on 96 x 96 x 3."""
    n = Net(96, 96, 3)
    n.conv(8, 3, 2)
    return _mobilenet_v1(n, 3)


def person_detection() -> Graph:
    """TensorFlow Lite Micro's example: as VWW, on one grey channel that a depthwise convolution makes eight of."""
    n = Net(96, 96, 1)
    n.depthwise(2, 8)
    return _mobilenet_v1(n, 3)


def mobilenet_v2(alpha: float = 0.3, side: int = 80, classes: int = 1000) -> Graph:
    """MobileNetV2 as keras.applications rounds its widths."""
    n = Net(side, side, 3)
    n.conv(make_divisible(32 * alpha), 3, 2)
    for t, channels, blocks, stride in [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]:
        for i in range(blocks):
            x, c = n.x, n.tensors[n.x][3]
            if t > 1:
                n.conv(t * c)
            n.depthwise(1 if i else stride)
            n.conv(make_divisible(channels * alpha))
            if i:
                n.add(x)
    n.conv(1280)
    n.pool(3)
    n.conv(classes)
    return n.graph()


NETS: dict[str, Callable[[], Graph]] = {
    "ad": anomaly_detection,
    "kws": keyword_spotting,
    "ic": image_classification,
    "vww": visual_wake_words,
    "person": person_detection,
    "mobilenet_v2": mobilenet_v2,
}
