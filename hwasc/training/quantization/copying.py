"""Copies of Brevitas modules, faster than building them: their dependency injection takes milliseconds a quantizer."""

from __future__ import annotations

import copy
import functools
from collections import OrderedDict
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)
_Memo = dict[int, Any]
_CONSTANT = frozenset({bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device})


def copied(module: AnyModule) -> AnyModule:
    """Copy a module as `copy.deepcopy` does, without its cost for every attribute.

    Args:
        module: Its modules have plain attributes; what is copied in another manner is left to `copy.deepcopy`.

    Returns:
        A module that shares no tensor and no module with the first one.
    """
    made: AnyModule = _copy(module, {})
    return made


def _copy(value: Any, memo: _Memo) -> Any:
    kind = type(value)
    if kind in _CONSTANT or isinstance(value, type):  # classes, injectors among them, are shared
        return value
    if id(value) in memo:
        return memo[id(value)]
    made: Any
    if kind in (dict, OrderedDict):
        made = memo[id(value)] = kind()
        for name, item in value.items():
            made[name] = item if type(item) in _CONSTANT else _copy(item, memo)
        return made
    if kind in (list, set):
        made = memo[id(value)] = kind()
        (made.extend if kind is list else made.update)(_copy(item, memo) for item in value)
        return made
    if kind is tuple:
        return tuple(_copy(item, memo) for item in value)
    if kind in (Tensor, nn.Parameter) and value.grad is None and value.is_leaf:
        data = value.detach().clone()
        made = (
            nn.Parameter(data, value.requires_grad)
            if kind is nn.Parameter
            else data.requires_grad_(value.requires_grad)
        )
        memo[id(value)] = made
        return made
    if _is_plain(kind):  # type: ignore[arg-type]
        made = memo[id(value)] = object.__new__(kind)
        attributes = made.__dict__
        for name, item in vars(value).items():
            attributes[name] = item if type(item) in _CONSTANT else _copy(item, memo)
        return made
    return copy.deepcopy(value, memo)


@functools.cache
def _is_plain(kind: type) -> bool:
    """Whether objects of a class are no more than their attributes. Modules are: torch's `__setstate__` is for older pickles."""
    if hasattr(kind, "__deepcopy__") or kind.__module__ == "builtins":
        return False
    own = {name for base in kind.__mro__[:-1] for name, item in vars(base).items() if item}
    ways = {"__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__slots__", "__new__"}
    return issubclass(kind, nn.Module) or ("__dict__" in dir(kind) and not own & ways)
