"""Both development chains behave like a node, start quickly, and leave nothing behind."""

import json
import socket
import threading
import urllib.request

import httpx
import pytest
from contracts.conftest import Party
from eth_account import Account
from web3 import AsyncWeb3, Web3
from web3.exceptions import ContractCustomError

from headwater_contracts.calls import Call
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.chains.opening import open_chain
from headwater_contracts.clients.multicall3 import Multicall3Client
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment
from headwater_contracts.json_rpc import JsonRpc, RpcError
from headwater_contracts.reader import ChainReader, WrongNetworkError
from headwater_contracts.reverts import TransferRefusedError
from headwater_payments.address import parse_address
from headwater_payments.errors import InvalidInputError, UnavailableError

pytestmark = pytest.mark.anyio

# Returns the CHAINID opcode's value.
CHAINID_CODE = bytes.fromhex("4660005260206000f3")
SOMEWHERE = parse_address("0x" + "77" * 20)


async def test_one_chain_id_in_the_evm_and_over_rpc(chain: DevelopmentChain) -> None:
    await chain.set_code(SOMEWHERE, CHAINID_CODE)
    inside = await chain.reader.call(Call(SOMEWHERE, b""))
    assert int.from_bytes(inside, "big") == 84532
    assert await chain.reader.chain_id() == 84532
    assert await chain.reader.rpc.request("net_version") == "84532"


async def test_time_advances_and_shows_in_blocks(chain: DevelopmentChain) -> None:
    before = await chain.reader.block()
    await chain.advance_time(3_600)
    after = await chain.reader.block()
    assert 3_600 <= after.timestamp - before.timestamp <= 3_660
    assert after.number > before.number


async def test_many_transactions_do_not_push_the_clock(local_chain: LocalChain) -> None:
    before = (await local_chain.reader.block()).timestamp
    for _ in range(30):
        await local_chain.mine()
    # 30 blocks a second apart would be 30 s ahead.
    assert (await local_chain.reader.block()).timestamp - before < 15


async def test_transactions_of_one_sender_are_mined_in_the_order_of_nonces(
    local_chain: LocalChain,
) -> None:
    party = await Party.funded(local_chain)
    rpc = local_chain.reader.rpc
    send = Call(SOMEWHERE, b"", value=1)
    raws = [await party.raw(send, nonce=nonce) for nonce in range(3)]
    early = str(await rpc.request("eth_sendRawTransaction", raws[2]))
    assert await local_chain.reader.receipt(early) is None
    found = await rpc.request("eth_getTransactionByHash", early)
    assert isinstance(found, dict)
    assert found["blockNumber"] is None
    await rpc.request("eth_sendRawTransaction", raws[0])
    await rpc.request("eth_sendRawTransaction", raws[1])
    receipt = await local_chain.reader.receipt(early)
    assert receipt is not None
    assert receipt.succeeded
    assert await local_chain.reader.balance(SOMEWHERE) == 3
    assert await local_chain.reader.nonce(party.address) == 3


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_notAMethod", [], -32601),
        ("eth_getBalance", ["0x12", "latest"], -32602),
        ("eth_getBalance", [], -32602),
        ("eth_getBalance", ["0x" + "11" * 20, "0xffff"], -32000),
        ("eth_call", ["not an object"], -32602),
        ("eth_sendRawTransaction", ["0x00"], -32000),
        ("eth_sendRawTransaction", ["0xzz"], -32602),
        ("eth_getLogs", [{"topics": "0x"}], -32602),
    ],
)
async def test_bad_requests_get_json_rpc_errors(
    local_chain: LocalChain, method: str, params: list[object], code: int
) -> None:
    with pytest.raises(RpcError) as caught:
        await local_chain.reader.rpc.request(method, *params)
    assert caught.value.rpc_code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{not json", -32700),
        (b"[]", -32600),
        (b"42", -32600),
        (b'{"method": 7}', -32600),
        (b'{"id": 1, "method": "eth_chainId", "params": {}}', -32602),
    ],
)
async def test_malformed_bodies_get_json_rpc_errors(
    local_chain: LocalChain, body: bytes, code: int
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = (await client.post(local_chain.url, content=body)).json()
        assert answer["error"]["code"] == code
        # The chain still answers.
        assert (await client.get(local_chain.url)).status_code == 405
    assert await local_chain.reader.chain_id() == 84532


async def test_a_batch_is_answered_as_a_batch(local_chain: LocalChain) -> None:
    rows = [{"jsonrpc": "2.0", "id": i, "method": "eth_chainId", "params": []} for i in (1, 2)]
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = (await client.post(local_chain.url, json=rows)).json()
    assert [answer["id"] for answer in answers] == [1, 2]


async def test_a_transaction_for_another_chain_is_refused(local_chain: LocalChain) -> None:
    account = Account.create()
    signed = account.sign_transaction(
        {
            "chainId": 1,
            "nonce": 0,
            "to": bytes(20),
            "value": 0,
            "gas": 21_000,
            "maxFeePerGas": 10**9,
            "maxPriorityFeePerGas": 0,
        }
    )
    with pytest.raises(RpcError, match="chain id"):
        await local_chain.reader.rpc.request(
            "eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex()
        )


async def test_an_unfunded_sender_is_refused(local_chain: LocalChain) -> None:
    party = Party(Account.create(), local_chain)
    with pytest.raises(RpcError, match="insufficient funds"):
        await local_chain.reader.rpc.request(
            "eth_sendRawTransaction", await party.raw(Call(SOMEWHERE, b""), nonce=0)
        )


async def test_a_refused_call_names_the_contracts_error(
    chain: DevelopmentChain, deployment: Deployment
) -> None:
    token = SettlementTokenClient(chain.reader, deployment.settlement_token)
    with pytest.raises(TransferRefusedError) as caught:
        await chain.reader.call(token.transfer(SOMEWHERE, 5), sender=SOMEWHERE)
    assert caught.value.name == "ERC20InsufficientBalance"
    assert caught.value.arguments["needed"] == 5
    with pytest.raises(TransferRefusedError):
        await chain.reader.estimate_gas(token.transfer(SOMEWHERE, 5), sender=SOMEWHERE)


async def test_gas_estimates_suffice_and_are_tight(
    chain: DevelopmentChain, deployment: Deployment
) -> None:
    token = SettlementTokenClient(chain.reader, deployment.settlement_token)
    call = token.mint(SOMEWHERE, 5)
    estimate = await chain.reader.estimate_gas(call, sender=chain.faucet)
    receipt = await chain.send(call, gas=estimate)
    assert receipt.gas_used <= estimate <= receipt.gas_used * 1.05


async def test_multicall_reads_one_block(chain: DevelopmentChain, deployment: Deployment) -> None:
    multicall = Multicall3Client(chain.reader, deployment.multicall3)
    token = SettlementTokenClient(chain.reader, deployment.settlement_token)
    results = await multicall.read(
        [Call(token.address, token.mint(SOMEWHERE, 1).data), Call(SOMEWHERE, b"")]
    )
    assert [result.success for result in results] == [False, True]
    assert await multicall.coin_balance(SOMEWHERE) == 0
    assert await multicall.block_timestamp() == (await chain.reader.block()).timestamp


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # web3's provider knows no other
async def test_web3_reads_either_chain(chain: DevelopmentChain) -> None:
    web3 = AsyncWeb3(AsyncWeb3.AsyncHTTPProvider(chain.url))
    try:
        assert await web3.eth.chain_id == 84532
        block = await web3.eth.get_block("latest", full_transactions=True)
        assert block["number"] == await chain.reader.block_number()
        history = await web3.eth.fee_history(4, "latest", [50.0])
        assert len(history["baseFeePerGas"]) == len(history["reward"]) + 1
        assert await web3.eth.max_priority_fee >= 0
    finally:
        await web3.provider.disconnect()


async def test_a_synchronous_client_in_the_same_loop_is_answered(
    local_chain: LocalChain,
) -> None:
    # The chain serves from a thread of its own, so this cannot deadlock.
    web3 = Web3(Web3.HTTPProvider(local_chain.url))
    assert web3.eth.chain_id == 84532
    # Code that reverts with the four bytes of a custom error.
    await local_chain.set_code(SOMEWHERE, bytes.fromhex("631b8c90c06000526004601cfd"))
    with pytest.raises(ContractCustomError, match="1b8c90c0"):
        web3.eth.call({"to": Web3.to_checksum_address(SOMEWHERE)})


async def test_a_node_of_another_network_is_refused(local_chain: LocalChain) -> None:
    async with ChainReader.connect(local_chain.url, 8453) as reader:
        with pytest.raises(WrongNetworkError):
            await reader.call(Call(SOMEWHERE, b""))
    with pytest.raises(WrongNetworkError):
        async with open_chain(local_chain.url, 8453):
            pass


async def test_a_node_that_is_not_there_is_unavailable() -> None:
    async with ChainReader.connect("http://127.0.0.1:9", 84532) as reader:
        with pytest.raises(UnavailableError):
            await reader.block_number()
    with pytest.raises(InvalidInputError):
        JsonRpc("ftp://somewhere")


async def test_something_that_is_not_a_node_is_unavailable() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    rpc = JsonRpc("http://node.invalid", transport=transport)
    with pytest.raises(UnavailableError):
        await rpc.request("eth_chainId")
    await rpc.aclose()


async def test_opening_without_a_url_starts_a_chain() -> None:
    async with open_chain(None) as reader:
        assert await reader.chain_id() == 84532


async def test_the_embedded_chain_ends_with_its_thread() -> None:
    async with await LocalChain.start() as chain:
        url = chain.url
        # A connection left open by a client does not keep it alive.
        lingering = urllib.request.Request(
            url,
            data=json.dumps({"id": 1, "method": "eth_chainId"}).encode(),
            headers={"Connection": "keep-alive"},
        )
        with urllib.request.urlopen(lingering) as response:  # noqa: ASYNC210 - loopback
            assert b"0x14a34" in response.read()
        assert any(thread.name == "headwater-chain" for thread in threading.enumerate())
    assert not any(thread.name == "headwater-chain" for thread in threading.enumerate())
    with pytest.raises(httpx.HTTPError):
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(url, content=b"{}")


async def test_ending_under_an_open_connection_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    async with await LocalChain.start() as chain:
        port = int(chain.url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as half_a_request:
            half_a_request.sendall(b"POST / HT")
            # The one thread that serves has accepted the connection before it answers this.
            await chain.reader.block_number()
            await chain.aclose()
            assert half_a_request.recv(1) == b""
    assert caplog.records == []


async def test_chains_run_side_by_side() -> None:
    async with await LocalChain.start() as one, await LocalChain.start() as two:
        assert one.url != two.url
        assert one.faucet != two.faucet
        await one.mine(3)
        assert await one.reader.block_number() == 3
        assert await two.reader.block_number() == 0


async def test_negative_time_and_funds_are_refused(local_chain: LocalChain) -> None:
    with pytest.raises(InvalidInputError):
        await local_chain.advance_time(-1)
    with pytest.raises(InvalidInputError):
        await local_chain.fund(SOMEWHERE, -1)
