"""Names of parts in settings: checked against the registry of their kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator

from hwasc.errors import UsageError
from hwasc.parts import PROXIES, STRATEGIES, TEACHERS
from hwasc.registry import Registry


def _known(registry: Registry[Any]) -> Callable[[str], str]:
    def check(name: str) -> str:
        try:
            return registry.check(name)
        except UsageError as e:
            raise ValueError(str(e)) from None  # which pydantic collects with the other mistakes

    return check


# The registry itself is there for pages that list the allowed values.
StrategyName: TypeAlias = Annotated[str, AfterValidator(_known(STRATEGIES)), STRATEGIES]
ProxyName: TypeAlias = Annotated[str, AfterValidator(_known(PROXIES)), PROXIES]
TeacherName: TypeAlias = Annotated[str, AfterValidator(_known(TEACHERS)), TEACHERS]
