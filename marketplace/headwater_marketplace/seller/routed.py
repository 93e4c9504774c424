"""The paths by which an application may route a request, so that no way to what is sold is free.

A server behind a prefix (`uvicorn --root-path /api`), a mount (`Mount("/api", app)`) and an
application with a root of its own (`FastAPI(root_path="/api")`) all let `/api/chat` reach the route
`/chat`. Frameworks are lenient besides: the patterns of Starlette's routes end in `$`, which lets
`/chat%0A` pass; files are served by `/files/x/../premium` and `/files//premium`; others drop a
slash at the end. Whatever they make of a path, an offer that it may lead to has to be paid.

Source: the ASGI specification, `root_path` of HTTP and WebSocket scopes, which `path` begins with.
"""

import posixpath
from collections.abc import Sequence
from typing import Any, NamedTuple

from headwater_marketplace.seller.asgi import Scope
from headwater_marketplace.seller.offers import Offer


class Sale(NamedTuple):
    """What a request is to pay for."""

    offer: Offer
    path: str
    """By which the offer was found."""


def roots_of(app: Any) -> tuple[str, ...]:
    """The roots that an application sets by itself, and those of what it wraps as `.app`."""
    roots, seen = [], set[int]()
    while app is not None and id(app) not in seen:
        seen.add(id(app))
        root = getattr(app, "root_path", None)
        if isinstance(root, str) and root.strip("/"):
            roots.append(root)
        app = getattr(app, "app", None)
    return tuple(roots)


def paths_of(scope: Scope, roots: Sequence[str] = ()) -> list[str]:
    """Every path by which an application may route a request: first as it was asked for.

    Args:
        scope: of an HTTP or WebSocket connection.
        roots: of the application, as `roots_of` tells them.
    """
    whole: str = scope["path"]
    paths = [whole]
    if (plain := _plain(whole)) != whole:
        paths.append(plain)
    for root in (scope.get("root_path") or "", *roots):
        stem = root.rstrip("/")
        if stem:
            paths += [p[len(stem) :] for p in paths if p == stem or p.startswith(f"{stem}/")]
    return paths


def sale_of(offers: Sequence[Offer], method: str, paths: Sequence[str]) -> Sale | None:
    """The first offer that a request falls under; None where it asks for nothing that is sold."""
    sales = (Sale(o, p) for o in offers for p in paths if o.matches(method, p))
    return next(sales, None)


def _plain(path: str) -> str:
    """A path without what frameworks overlook: a line end, empty and dotted segments."""
    slashed = path.removesuffix("\n").replace("\\", "/").lstrip("/")
    return posixpath.normpath(f"/{slashed}")
