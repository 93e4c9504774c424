"""One seller, one wallet and a buyer between them."""

import pytest
from agents.fake_market import FakeWallet, Seller, buyer_of

from headwater_agents.buyer import Buyer


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def seller() -> Seller:
    return Seller()


@pytest.fixture
def wallet() -> FakeWallet:
    return FakeWallet()


@pytest.fixture
def buyer(seller: Seller, wallet: FakeWallet) -> Buyer:
    return buyer_of(seller, wallet)
