"""Faults at every await of a paid call: each call of a wrapped object is a point to fail at."""

from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any, Literal

import anyio
from anyio import from_thread
from anyio.lowlevel import EventLoopToken, current_token

from headwater_payments.errors import UnavailableError

Mode = Literal["raise before", "raise after", "cancel before", "cancel after"]
MODES: tuple[Mode, ...] = ("raise before", "raise after", "cancel before", "cancel after")

IMMEDIATE = ("sign_now", "settle_soon")


@dataclass
class Plan:
    """Where to fail and how; `seen` names the points that were passed."""

    at: int | None = None
    mode: Mode = "raise before"
    seen: list[str] = field(default_factory=list)
    scope: anyio.CancelScope | None = None
    token: EventLoopToken | None = None
    struck: bool = False

    async def call(self, name: str, function: Any, *arguments: Any, **named: Any) -> Any:
        self.token = current_token()
        here = self._passes(name)
        if here and self.mode.endswith("before"):
            self._strike(name)
        result = await function(*arguments, **named)
        if here and self.mode.endswith("after"):
            self._strike(name)
        return result

    def call_now(self, name: str, function: Any, *arguments: Any, **named: Any) -> Any:
        here = self._passes(name)
        if here and self.mode.endswith("before"):
            self._strike(name)
        result = function(*arguments, **named)
        if here and self.mode.endswith("after"):
            self._strike(name)
        return result

    def _passes(self, name: str) -> bool:
        self.seen.append(name)
        return self.at == len(self.seen) - 1

    def _strike(self, name: str) -> None:
        self.struck = True
        if self.mode.startswith("raise"):
            raise UnavailableError(f"injected at {name}")
        assert self.scope is not None
        try:
            current_token()
        except RuntimeError:
            # In the database's writer thread, inside the transaction that signs.
            from_thread.run_sync(self.scope.cancel, token=self.token)
        else:
            self.scope.cancel()


class Wrapped:
    """Passes everything on to `inner`; each of its coroutine methods is a point of the plan, and
    so are those that sign or write without being awaited. `hidden` methods are not there."""

    def __init__(self, inner: Any, label: str, plan: Plan, hidden: tuple[str, ...] = ()) -> None:
        self._inner, self._label, self._plan, self._hidden = inner, label, plan, hidden

    def __getattr__(self, name: str) -> Any:
        if name in self._hidden:
            raise AttributeError(name)
        value = getattr(self._inner, name)
        if name in IMMEDIATE:

            def now(*arguments: Any, **named: Any) -> Any:
                return self._plan.call_now(f"{self._label}.{name}", value, *arguments, **named)

            return now
        if not iscoroutinefunction(value):
            return value

        async def point(*arguments: Any, **named: Any) -> Any:
            return await self._plan.call(f"{self._label}.{name}", value, *arguments, **named)

        return point
