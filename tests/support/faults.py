"""Faults at every await of a paid call: each call of a wrapped object is a point to fail at."""

from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any, Literal

import anyio

from headwater_payments.errors import UnavailableError

Mode = Literal["raise before", "raise after", "cancel before", "cancel after"]
MODES: tuple[Mode, ...] = ("raise before", "raise after", "cancel before", "cancel after")


@dataclass
class Plan:
    """Where to fail and how; `seen` names the points that were passed."""

    at: int | None = None
    mode: Mode = "raise before"
    seen: list[str] = field(default_factory=list)
    scope: anyio.CancelScope | None = None
    struck: bool = False

    async def call(self, name: str, function: Any, *arguments: Any, **named: Any) -> Any:
        here = self.at == len(self.seen)
        self.seen.append(name)
        if here and self.mode.endswith("before"):
            self._strike(name)
        result = await function(*arguments, **named)
        if here and self.mode.endswith("after"):
            self._strike(name)
        return result

    def _strike(self, name: str) -> None:
        self.struck = True
        if self.mode.startswith("raise"):
            raise UnavailableError(f"injected at {name}")
        assert self.scope is not None
        self.scope.cancel()


class Wrapped:
    """Passes everything on to `inner`; each of its coroutine methods is a point of the plan."""

    def __init__(self, inner: Any, label: str, plan: Plan) -> None:
        self._inner, self._label, self._plan = inner, label, plan

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not iscoroutinefunction(value):
            return value

        async def point(*arguments: Any, **named: Any) -> Any:
            return await self._plan.call(f"{self._label}.{name}", value, *arguments, **named)

        return point
