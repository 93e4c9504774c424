"""Chains are read through web3 over httpx: on either event loop, and whatever a node answers."""

import contextlib
import json

import httpx
import pytest
from contracts.conftest import Party
from eth_abi.abi import encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3.exceptions import ContractCustomError, ProviderConnectionError

from headwater_contracts.artifacts import load_artifact
from headwater_contracts.calls import Call
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment
from headwater_contracts.json_rpc import JsonRpc, RpcError
from headwater_contracts.reader import ChainReader
from headwater_contracts.reverts import UnknownRevertError
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError, UnavailableError

pytestmark = pytest.mark.anyio

SOMEWHERE = parse_address("0x" + "77" * 20)
OFFCHAIN_LOOKUP = bytes.fromhex("556f1830")
PANIC = bytes.fromhex("4e487b71")


def reverting_with(data: bytes) -> bytes:
    """Code that reverts with `data`, which follows the code itself."""
    size = len(data).to_bytes(2, "big").hex()
    return bytes.fromhex(f"61{size}600e60003961{size}6000fd") + data


def reader_of(answers: dict[str, object]) -> ChainReader:
    """A reader of a node that gives each method's answer, whatever it is."""

    def node(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        return httpx.Response(200, json=answers[asked["method"]] | {"id": asked["id"]})  # type: ignore[operator]

    return ChainReader(JsonRpc("http://node.invalid", transport=httpx.MockTransport(node)), 84532)


def result(value: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "result": value}


async def test_web3_reads_contracts_of_either_chain_on_either_loop(
    chain: DevelopmentChain, deployment: Deployment
) -> None:
    web3 = chain.reader.web3
    party = await Party.funded(chain)
    token = SettlementTokenClient(chain.reader, deployment.settlement_token)
    minted = await chain.send(token.mint(party.address, 7))
    contract = web3.eth.contract(
        address=token.address, abi=load_artifact("SettlementToken").abi.entries
    )
    assert await contract.functions.balanceOf(party.address).call() == 7
    events = await contract.events.Transfer().get_logs(from_block=minted.block_number)
    assert [event["args"]["value"] for event in events] == [7]
    with pytest.raises(ContractCustomError):
        await contract.functions.transfer(SOMEWHERE, 8).call({"from": party.address})
    history = await web3.eth.fee_history(4, "latest", [50.0])
    assert len(history["baseFeePerGas"]) == len(history["reward"]) + 1
    assert await web3.is_connected()


async def test_a_name_is_not_an_address(local_chain: LocalChain) -> None:
    name = Address("vitalik.eth")
    with pytest.raises(InvalidInputError):
        await local_chain.reader.balance(name)
    with pytest.raises(RpcError, match="0x-prefixed"):
        await local_chain.reader.call(Call(name, b""))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # web3 gathers a batch with asyncio
async def test_web3_batches_are_answered_in_order(chain: DevelopmentChain) -> None:
    web3 = chain.reader.web3
    async with web3.batch_requests() as batch:
        batch.add(web3.eth.get_balance(chain.faucet))
        batch.add(web3.eth.get_block("earliest"))
        balance, block = await batch.async_execute()
    assert balance > 10**29
    assert block["number"] == 0


@pytest.mark.parametrize(
    "data",
    [
        PANIC + encode(["uint256"], [0x99]),
        PANIC,
        OFFCHAIN_LOOKUP,
        OFFCHAIN_LOOKUP
        + encode(
            ["address", "string[]", "bytes", "bytes4", "bytes"],
            [SOMEWHERE, ["http://127.0.0.1:9/{sender}/{data}"], b"", b"1234", b""],
        ),
        bytes.fromhex("08c379a0") + b"\xff" * 64,
        b"\x00",
        b"",
    ],
    ids=["unknown panic", "panic cut", "lookup cut", "lookup", "no text", "a byte", "nothing"],
)
async def test_no_revert_data_misleads_the_reader(chain: DevelopmentChain, data: bytes) -> None:
    await chain.set_code(SOMEWHERE, reverting_with(data))
    with pytest.raises(UnknownRevertError):
        await chain.reader.call(Call(SOMEWHERE, b""))
    with pytest.raises(UnknownRevertError):
        await chain.reader.estimate_gas(Call(SOMEWHERE, b""), sender=chain.faucet)


async def test_a_node_that_is_away_is_unavailable_to_web3_too() -> None:
    async with ChainReader.connect("http://127.0.0.1:9", 84532) as reader:
        assert not await reader.web3.is_connected()
        with pytest.raises(ProviderConnectionError):
            await reader.web3.is_connected(show_traceback=True)
        with pytest.raises(UnavailableError):
            await reader.web3.eth.get_block("latest")


async def test_a_refusal_carries_the_nodes_code_and_data() -> None:
    answers: dict[str, object] = {
        "eth_chainId": result("0x14a34"),
        "eth_call": {"jsonrpc": "2.0", "error": {"code": -32005, "message": "limit exceeded"}},
        "eth_getLogs": {
            "jsonrpc": "2.0",
            "error": {"code": -32000, "message": "too many", "data": "0x12"},
        },
    }
    async with reader_of(answers) as reader:
        with pytest.raises(RpcError, match="limit exceeded") as caught:
            await reader.call(Call(SOMEWHERE, b""))
        assert caught.value.rpc_code == -32005
        with pytest.raises(RpcError, match="too many") as caught:
            await reader.logs(SOMEWHERE, from_block=0)
        assert caught.value.data == b"\x12"


async def test_what_is_not_there_is_told_apart_from_what_cannot_be_read() -> None:
    nothing: dict[str, object] = {
        "eth_chainId": result(hex(84532)),
        "eth_getTransactionReceipt": result(None),
        "eth_getBlockByNumber": result(None),
    }
    async with reader_of(nothing) as reader:
        assert await reader.receipt("0x" + "ab" * 32) is None
        with pytest.raises(UnavailableError, match="no block 7"):
            await reader.block(7)
    indexing: dict[str, object] = {
        "eth_chainId": result(hex(84532)),
        "eth_getTransactionReceipt": {
            "jsonrpc": "2.0",
            "error": {"code": -32000, "message": "transaction indexing is in progress"},
        },
    }
    async with reader_of(indexing) as reader:
        assert await reader.receipt("0x" + "ab" * 32) is None


garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just("0xzz"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["number", "hash", "logs", "status", "topics", "code", "message"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=garbage, refused=st.booleans())
async def test_a_node_that_answers_nonsense_is_an_error_of_ours(
    anyio_backend: str, value: object, refused: bool
) -> None:
    row = {"jsonrpc": "2.0", "error": value} if refused else result(value)
    methods = ("Call", "GetLogs", "GetBlockByNumber", "GetTransactionReceipt", "GetCode")
    answers: dict[str, object] = {f"eth_{m[0].lower()}{m[1:]}": row for m in methods}
    async with reader_of(answers | {"eth_chainId": result("0x14a34")}) as reader:
        for asking in (
            reader.call(Call(SOMEWHERE, b"")),
            reader.logs(SOMEWHERE, from_block=0),
            reader.block(),
            reader.receipt("0x" + "ab" * 32),
            reader.code(SOMEWHERE),
        ):
            with contextlib.suppress(UnavailableError, RpcError, UnknownRevertError):
                await asking
                assert not refused
