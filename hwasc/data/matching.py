"""Pairs of fingerprints that are alike, found in a time that grows linearly with their number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

BITS = 128  # of each of the two pairs of neighbouring excerpts
QUIET = 50  # dB below the loudest excerpt: nothing is compared there
LENGTH, LEVELS, CODE, DIGITS = 2, 10, 16, 16 + BITS // 2  # the digits: kind, useful pairs, length, levels, bits

LONGER = 0.15  # s; encoders add up to that
LOUDER = 4  # dB, difference of the levels of an excerpt
UNLIKE = 0.22  # greatest share of bits that differ between twins: 0.15 at a coarse encoding, 0.5 in independent sounds
UNEVEN = 0.12  # greatest difference of both shares; recordings that only begin alike have 0 and 0.33
UNLIKE_SINGLE = 0.2  # the same where only one pair of excerpts is useful
KEYS, KEY_BITS, NEIGHBOURS = 64, 14, 32
_BLOCK = 100_000  # pairs compared at once


class Table:
    """Sketches as arrays, and the pairs of them that are alike.

    Args:
        sketches: All different.
    """

    def __init__(self, sketches: Sequence[str]) -> None:
        n = len(sketches)
        self.kind = np.array([int(s[0]) for s in sketches], np.int64)
        self.useful = np.array([(s[1] in "13", s[1] in "23") for s in sketches], bool).reshape(n, 2)
        self.length = np.array([int(s[LENGTH:LEVELS], 16) for s in sketches], np.int64)
        table = np.frombuffer(bytes.fromhex("".join(s[LEVELS:] for s in sketches)), np.uint8).reshape(n, 3 + BITS // 4)
        self.level = np.minimum(table[:, :3], QUIET).astype(np.int16)
        self.bits = np.ascontiguousarray(table[:, 3:])

    def alike(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Positions of the first and the second sketch of each pair that is alike."""
        n = len(self.kind)
        codes = [a * n + b for a, b in (self._compared(a, b) for a, b in self._candidates())]
        unique = np.unique(np.concatenate(codes)) if codes else np.zeros(0, np.int64)
        return unique // max(n, 1), unique % max(n, 1)

    def _candidates(self) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Pairs with equal bits in one of several random choices (locality-sensitive hashing), in blocks.

        In a large group of equal bits only neighbours by length are compared, so that time stays linear; copies in such a
        group are found as chains.
        """
        unpacked = np.unpackbits(self.bits, axis=1)
        rng = np.random.default_rng(0)
        weights = 1 << np.arange(KEY_BITS)
        blocks: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        for k in range(KEYS):
            pair = k % 2
            columns = pair * BITS + rng.choice(BITS, KEY_BITS, replace=False)
            rows = np.flatnonzero(self.useful[:, pair])
            keys = unpacked[rows][:, columns] @ weights
            order = np.lexsort((self.length[rows], keys))
            keys, rows = keys[order], rows[order]
            for shift in range(1, NEIGHBOURS + 1):
                same = keys[shift:] == keys[:-shift]
                if not same.any():
                    break
                a, b = rows[:-shift][same], rows[shift:][same]
                near = (np.abs(self.length[a] - self.length[b]) <= 1000 * LONGER) & (self.kind[a] == self.kind[b])
                blocks.append((np.minimum(a, b)[near], np.maximum(a, b)[near]))
        return blocks

    def _compared(
        self, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        kept = []
        for first in range(0, len(a), _BLOCK):
            i, j = a[first : first + _BLOCK], b[first : first + _BLOCK]
            unlike = _ONES[self.bits[i] ^ self.bits[j]].reshape(len(i), 2, BITS // 8).sum(axis=2, dtype=np.int64)
            both = self.useful[i] & self.useful[j]
            limit = np.where(both.all(axis=1), UNLIKE, UNLIKE_SINGLE)[:, None] * BITS
            loud = (np.abs(self.level[i] - self.level[j]) <= LOUDER).all(axis=1)
            alike = both.any(axis=1) & ((unlike <= limit) | ~both).all(axis=1) & loud
            alike &= (np.abs(unlike[:, 0] - unlike[:, 1]) <= UNEVEN * BITS) | ~both.all(axis=1)
            kept.append(np.flatnonzero(alike) + first)
        chosen = np.concatenate(kept) if kept else np.zeros(0, np.int64)
        return a[chosen], b[chosen]


_ONES = np.array([bin(i).count("1") for i in range(256)], np.uint8)
