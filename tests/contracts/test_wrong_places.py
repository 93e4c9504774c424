"""Clients of contracts refuse the wrong network, the wrong address and impossible amounts."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from headwater_contracts.abi import WrongContractError
from headwater_contracts.calls import Call
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.clients.asset_registry import AssetRegistryClient
from headwater_contracts.clients.base import ContractClient
from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.clients.multicall3 import Multicall3Client
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.clients.vault_factory import RevenueVaultFactoryClient
from headwater_contracts.deployments import DEVELOPMENT, deploy_development_contracts
from headwater_contracts.json_rpc import JsonRpc
from headwater_contracts.reader import ChainReader, WrongNetworkError
from headwater_contracts.reverts import UnknownRevertError
from headwater_payments.address import parse_address
from headwater_payments.errors import InvalidInputError
from headwater_wallet.keys import LocalSigner
from headwater_wallet.transactions import TransactionSender

pytestmark = pytest.mark.anyio

NOBODY = parse_address("0x" + "5a" * 20)
TOKEN = DEVELOPMENT.settlement_token
CLIENTS: list[type[ContractClient[Any]]] = [
    AssetRegistryClient,
    BatchSettlementClient,
    Multicall3Client,
    RevenueVaultClient,
    SettlementTokenClient,
    RevenueVaultFactoryClient,
]


def elsewhere(asked: list[str]) -> ChainReader:
    """A reader for chain 84532 whose node serves the main network."""

    def node(request: httpx.Request) -> httpx.Response:
        body = request.read().decode()
        asked.append(body)
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": "0x1"})

    return ChainReader(JsonRpc("http://node.invalid", transport=httpx.MockTransport(node)), 84532)


QUESTIONS: list[Callable[[ChainReader], Awaitable[object]]] = [
    lambda reader: reader.block_number(),
    lambda reader: reader.block(),
    lambda reader: reader.balance(NOBODY),
    lambda reader: reader.nonce(NOBODY),
    lambda reader: reader.code(NOBODY),
    lambda reader: reader.call(Call(NOBODY, b"")),
    lambda reader: reader.estimate_gas(Call(NOBODY, b""), sender=NOBODY),
    lambda reader: reader.receipt("0x" + "ab" * 32),
    lambda reader: reader.logs(NOBODY, from_block=0),
    lambda reader: reader.require_contract(NOBODY),
    lambda reader: SettlementTokenClient(reader, TOKEN).balance(NOBODY),
    lambda reader: TransactionSender(reader, LocalSigner.random()).send(
        SettlementTokenClient(reader, TOKEN).transfer(NOBODY, 1)
    ),
]


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_node_of_another_chain_is_asked_nothing_else(
    question: Callable[[ChainReader], Awaitable[object]],
) -> None:
    asked: list[str] = []
    async with elsewhere(asked) as reader:
        with pytest.raises(WrongNetworkError) as refused:
            await question(reader)
    assert refused.value.details == {"found": 1, "expected": 84532}
    assert len(asked) == 1
    assert "eth_chainId" in asked[0]


@pytest.mark.parametrize("chain_id", [0, -1, 2**256, 1.0, "1", True])
def test_what_is_no_chain_has_no_reader(chain_id: Any) -> None:
    with pytest.raises(InvalidInputError):
        ChainReader.connect("http://127.0.0.1:1", chain_id)


@pytest.mark.parametrize("url", ["", "node", "ftp://node", "http://", "http://[::1", "http://a:b"])
def test_what_is_no_url_has_no_reader(url: str) -> None:
    with pytest.raises(InvalidInputError):
        ChainReader.connect(url, 1)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("address", ["", "0x12", TOKEN[:-1], TOKEN.swapcase(), TOKEN + "00", 5])
def test_a_client_takes_a_whole_and_checksummed_address_only(
    client: type[ContractClient[Any]], address: Any
) -> None:
    with pytest.raises(InvalidInputError):
        client(ChainReader.connect("http://127.0.0.1:1", 1), address)


@pytest.mark.parametrize("amount", [-1, 2**256, 1.5, "1", True, None])
def test_an_amount_that_no_contract_holds_is_refused_before_a_call_is_built(amount: Any) -> None:
    token = SettlementTokenClient(ChainReader.connect("http://127.0.0.1:1", 1), TOKEN)
    for build in (token.transfer, token.approve, token.mint):
        with pytest.raises(InvalidInputError):
            build(NOBODY, amount)
    with pytest.raises(InvalidInputError):
        Call(NOBODY, b"", amount)


async def test_an_address_without_the_contract_is_told_before_anything_is_sent() -> None:
    async with await LocalChain.start() as chain:
        await deploy_development_contracts(chain)
        sender = TransactionSender(chain.reader, LocalSigner.random())
        await chain.fund(sender.address, 10**18)
        before = await chain.reader.nonce(sender.address)
        with pytest.raises(WrongContractError) as refused:
            await sender.send(SettlementTokenClient(chain.reader, NOBODY).transfer(NOBODY, 1))
        assert refused.value.details["address"] == NOBODY
        with pytest.raises(WrongContractError):
            await SettlementTokenClient(chain.reader, NOBODY).balance(NOBODY)
        with pytest.raises(UnknownRevertError):
            await SettlementTokenClient(chain.reader, DEVELOPMENT.multicall3).decimals()
        assert await chain.reader.nonce(sender.address) == before
        await sender.send(Call(NOBODY, b"", 7))
        assert await chain.reader.balance(NOBODY) == 7
