"""Connected components: groups of what is linked in pairs."""

from __future__ import annotations

from collections.abc import Iterable


def groups(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Group numbers that are linked, directly or over others.

    Args:
        count: The numbers are 0 to count - 1.
        pairs: The links.

    Returns:
        Groups of two or more numbers in ascending order, ordered by their first ones.
    """
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs:
        a, b = root(a), root(b)
        parent[max(a, b)] = min(a, b)
    members: dict[int, list[int]] = {}
    for i in range(count):
        members.setdefault(root(i), []).append(i)
    return [group for group in members.values() if len(group) > 1]
