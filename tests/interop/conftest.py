"""One chain with every peer on it, for all tests of a module."""

from collections.abc import AsyncIterator

import pytest
from interop.peers import World, open_world


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """The x402 package runs on asyncio."""
    return "asyncio"


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened
