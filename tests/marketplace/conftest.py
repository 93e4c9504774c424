"""Fixtures of the marketplace's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.databases import database_url, postgres
from support.shop import Shop, open_shop

__all__ = ["database_url", "postgres"]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A seller with a fresh database."""
    async with open_shop(tmp_path) as opened:
        yield opened
