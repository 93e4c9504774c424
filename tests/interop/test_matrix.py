"""Every client pays every server over every facilitator, by every way of paying."""

import pytest
from contracts.conftest import require_program
from interop.peers import PEERS, PRICE, WAYS, World, open_world, settlement_of

from headwater_contracts.chains.anvil import AnvilChain
from support.shop import PAYEE

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("way", ["exact", "exact-permit2", "upto"])
@pytest.mark.parametrize("facilitator", PEERS)
@pytest.mark.parametrize("server", PEERS)
@pytest.mark.parametrize("client", PEERS)
async def test_a_transfer_reaches_the_payee(
    world: World, client: str, server: str, facilitator: str, way: str
) -> None:
    payer = await world.payer(approved=WAYS[way][1] == "permit2")
    before = await world.token.balance(PAYEE)
    due = 0
    async with world.client(client, payer) as http:
        for charge in (PRICE, 300):
            url = f"{world.shops[server, facilitator]}/{way}"
            answer = await http.post(url, json={"charge": charge})
            assert answer.status_code == 200, answer.text
            assert answer.json() == {"ok": True}
            settled = settlement_of(answer)
            assert settled.success
            assert settled.transaction.startswith("0x")
            due += charge if way == "upto" else PRICE
    assert await world.token.balance(PAYEE) - before == due


@pytest.mark.parametrize("way", ["batch", "batch-permit2"])
@pytest.mark.parametrize("facilitator", PEERS)
@pytest.mark.parametrize("server", PEERS)
@pytest.mark.parametrize("client", PEERS)
async def test_a_channel_carries_charges_of_what_was_used(
    world: World, client: str, server: str, facilitator: str, way: str
) -> None:
    payer = await world.payer(approved=WAYS[way][1] == "permit2")
    charged = 0
    async with world.client(client, payer) as http:
        for charge in (PRICE, 300, PRICE):
            url = f"{world.shops[server, facilitator]}/{way}"
            answer = await http.post(url, json={"charge": charge})
            assert answer.status_code == 200, answer.text
            charged += charge
            state = (settlement_of(answer).extra or {})["channelState"]
            assert state["chargedCumulativeAmount"] == str(charged)
            assert int(state["balance"]) >= charged


async def test_the_whole_matrix_holds_on_anvil() -> None:
    require_program("anvil")
    async with open_world(AnvilChain.start) as world:
        assert len(world.shops) == len(PEERS) ** 2
        paid = 0
        for client in PEERS:
            payer = await world.payer()
            async with world.client(client, payer) as http:
                for pair in world.shops:
                    for way, (scheme, _) in WAYS.items():
                        for charge in (PRICE, 300):
                            url = f"{world.shops[pair]}/{way}"
                            answer = await http.post(url, json={"charge": charge})
                            assert answer.status_code == 200, (client, pair, way, answer.text)
                            paid += {"exact": PRICE, "upto": charge}.get(scheme, 0)
        assert await world.token.balance(PAYEE) == paid
