"""``functools.cached_property`` for several threads: one computes the value, and the others wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class shared_property(Generic[Value]):
    """A value that is computed once per object; an exception is not kept, so the next thread tries again."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, owner: Any, _: type) -> Value:
        kept: dict[str, Any] = owner.__dict__
        with kept.setdefault(f"{self._name} lock", threading.RLock()):
            if self._name not in kept:
                kept[self._name] = self._compute(owner)
            value: Value = kept[self._name]
            return value
