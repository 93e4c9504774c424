"""A wallet pays nobody in a private network, unless its policy names whom."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from wallet.test_policy_toml import GOOD

from headwater_marketplace.serving import bind, serve
from headwater_wallet.addresses import peer_of
from headwater_wallet.errors import PaymentUnknownError, PolicyRefusedError, PrivateAddressError
from headwater_wallet.policy_toml import parse_policy
from headwater_wallet.wallet import Wallet
from support.clients import LIBRARIES, Library, Next
from support.shop import Shop, open_shop

pytestmark = pytest.mark.anyio


@pytest.fixture(params=list(LIBRARIES))
def library(request: pytest.FixtureRequest) -> Library:
    return Library(request.param)


class Connection:
    """What a transport tells of its connection."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get_extra_info(self, name: str) -> tuple[str, int] | None:
        return (self._address, 443) if name == "server_addr" else None


def reached(address: str | None) -> Any:
    """Answers as if they came from this address, whatever the host was called."""

    async def hook(request: Any, following: Next) -> Any:
        answer = await following(request)
        if address is not None:
            answer.extensions["network_stream"] = Connection(address)
        return answer

    return hook


async def buys(
    shop: Shop, library: Library, wallet: Wallet, url: str, address: str | None = None
) -> None:
    inner = library.wire(shop.app, reached(address))
    async with library.client(wallet, inner, base_url=url) as client:
        assert (await client.post("/paid/x", json={"charge": 1})).status_code == 200


PRIVATE = [
    ("http://10.0.0.5", None),
    ("http://192.168.1.1:8080", None),
    ("http://169.254.169.254", None),
    ("http://100.64.0.1", None),
    ("http://0.0.0.0", None),
    ("http://[fd00::1]", None),
    ("http://[fe80::1]", None),
    ("http://[::ffff:10.0.0.5]", None),
    ("https://shop.example", "10.1.2.3"),
    ("https://shop.example", "fd12::9"),
    ("https://shop.example", "::ffff:192.168.0.9"),
    ("https://93.184.216.34", "172.16.0.1"),
]


@pytest.mark.parametrize(("url", "address"), PRIVATE)
async def test_a_seller_in_a_private_network_is_refused_before_anything_is_signed(
    shop: Shop, library: Library, url: str, address: str | None
) -> None:
    wallet = await shop.wallet()
    with pytest.raises(PrivateAddressError, match="private_hosts") as refused:
        await buys(shop, library, wallet, url, address)
    assert isinstance(refused.value, PolicyRefusedError)
    assert await wallet.ledger.intents() == []
    assert shop.served == []


async def test_a_name_that_moves_into_a_private_network_has_its_answer_withheld(
    shop: Shop, library: Library
) -> None:
    wallet, url = await shop.wallet(), "https://shop.example"
    await buys(shop, library, wallet, url, "93.184.216.34")
    with pytest.raises(PaymentUnknownError, match=r"10\.0\.0\.5"):
        await buys(shop, library, wallet, url, "10.0.0.5")
    with pytest.raises(PrivateAddressError):
        await buys(shop, library, wallet, url, "10.0.0.5")
    states = sorted(intent.state for intent in await wallet.ledger.intents())
    assert states == ["settled", "unknown"], "the third one signed nothing"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://shop.example", None),
        ("https://shop.example", "93.184.216.34"),
        ("https://shop.example", "2606:2800:220:1::1"),
        ("http://127.0.0.1:8000", None),
        ("http://[::1]:8000", "::1"),
        ("http://localhost", "127.0.0.1"),
    ],
)
async def test_public_sellers_and_this_machines_own_are_paid(
    shop: Shop, library: Library, url: str, address: str | None
) -> None:
    await buys(shop, library, await shop.wallet(), url, address)


@pytest.mark.parametrize("hosts", [("Shop.Internal", "10.0.0.5"), ("*",)])
async def test_a_policy_names_those_that_may_be_private(
    shop: Shop, library: Library, hosts: tuple[str, ...]
) -> None:
    wallet = await shop.wallet()
    wallet.buyer.policy = replace(wallet.policy, private_hosts=hosts)
    await buys(shop, library, wallet, "http://shop.internal", "10.9.9.9")
    await buys(shop, library, wallet, "http://10.0.0.5:81")
    if "*" not in hosts:
        with pytest.raises(PrivateAddressError):
            await buys(shop, library, wallet, "http://10.0.0.6")


async def test_the_address_of_a_real_connection_is_known(library: Library, tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop, serve(shop.app, bind()) as url:
        async with library.http.AsyncClient() as client:
            answer = await client.post(url + "/paid/x", json={})
            assert peer_of(answer.extensions) == "127.0.0.1"
        wallet = await shop.wallet()
        async with library.client(wallet, base_url=url) as paying:
            assert (await paying.post("/paid/x", json={"charge": 1})).status_code == 200


@pytest.mark.parametrize("told", [{}, {"network_stream": object()}, {"network_stream": None}])
def test_a_transport_that_tells_no_address_is_no_obstacle(told: dict[str, Any]) -> None:
    assert peer_of(told) is None


def test_a_policys_file_names_private_hosts() -> None:
    text = 'private_hosts = ["10.0.0.5"]\n' + GOOD
    assert parse_policy(text).private_hosts == frozenset({"10.0.0.5"})
    assert parse_policy(GOOD).private_hosts == frozenset()
