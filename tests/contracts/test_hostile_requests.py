"""Whatever is sent to the embedded chain, it answers by JSON-RPC's rules, and goes on working."""

import json
import logging
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx
import pytest
from contracts.conftest import Party
from eth_account import Account
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from web3 import Web3

from headwater_contracts.calls import Call
from headwater_contracts.chains.evm import EvmChain
from headwater_contracts.chains.http import LoopbackServer
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.chains.rpc import RpcMethods, parse_error
from headwater_payments.address import parse_address

FUNDED = Account.create()
SOMEWHERE = parse_address("0x" + "77" * 20)
INTERNAL_ERROR = -32603
FUZZ = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Node:
    """A chain with its server, spoken to byte by byte."""

    def __init__(self) -> None:
        evm = EvmChain(84532, bytes.fromhex(FUNDED.address[2:]), lambda: 1_800_000_000)
        self.methods = RpcMethods(evm)
        self.server = LoopbackServer(self.methods.answer, parse_error())
        self.url = f"http://127.0.0.1:{self.server.start()}"
        self.client = httpx.Client(trust_env=False, timeout=20)
        self.answers: Counter[str] = Counter()

    def post(self, body: bytes) -> object:
        response = self.client.post(self.url, content=body)
        assert response.status_code == 200
        return json.loads(response.content, parse_constant=lambda name: pytest.fail(name))

    def works(self) -> None:
        assert self.post(b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}') == {
            "jsonrpc": "2.0",
            "id": 1,
            "result": "0x14a34",
        }


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    started = Node()
    yield started
    started.client.close()
    started.server.close()


def check_answer(node: Node, answer: object, request_id: object) -> None:
    """One answer as JSON-RPC 2.0 has them: a result or an error, never both, never a crash."""
    assert isinstance(answer, dict)
    assert answer["jsonrpc"] == "2.0"
    assert answer["id"] in (request_id, None)
    assert len(answer) == 3
    if "error" in answer:
        error = answer["error"]
        assert isinstance(error["code"], int)
        assert isinstance(error["message"], str)
        assert "Traceback" not in error["message"]
        assert len(error["message"]) < 2_000
        assert error["code"] != INTERNAL_ERROR, error
        node.answers["refused"] += 1
    else:
        assert "result" in answer
        node.answers["accepted"] += 1


addresses = st.sampled_from([FUNDED.address, SOMEWHERE, "0x" + "00" * 20, "0x" + "00" * 19 + "01"])
quantities = st.one_of(
    st.integers(0, 2**70).map(hex),
    st.sampled_from(["0x0", "0x1", hex(2**64), hex(2**256 - 1), hex(2**256), hex(2**4000)]),
)
blocks = quantities | st.sampled_from(["latest", "pending", "earliest", "safe", "finalized"])
hexes = st.binary(max_size=70).map(lambda data: "0x" + data.hex())
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(2**255, 2**260),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=10),
    addresses,
    quantities,
    blocks,
    hexes,
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "from": addresses,
        "to": addresses,
        "data": hexes,
        "input": hexes,
        "value": quantities,
        "gas": quantities,
        "address": addresses | st.lists(addresses, max_size=3),
        "topics": st.lists(st.none() | hexes | st.lists(hexes, max_size=2), max_size=4),
        "fromBlock": blocks,
        "toBlock": blocks,
        "blockHash": hexes,
        "blockNumber": quantities,
    },
)
values = st.recursive(
    scalars | messages,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)


SHAPES = [
    [addresses, blocks],
    [addresses, quantities, blocks],
    [addresses, quantities, hexes],
    [addresses, quantities],
    [addresses, hexes],
    [messages, blocks],
    [messages],
    [hexes],
    [quantities, blocks, st.lists(scalars, max_size=3)],
    [quantities],
    [blocks, st.booleans()],
]


def shaped(shape: list[st.SearchStrategy[object]]) -> st.SearchStrategy[list[object]]:
    """Parameters as some method takes them, so that what is wrong with them lies deeper."""
    return st.tuples(*shape).map(list)


@FUZZ
@given(data=st.data())
def test_any_parameters_of_any_method_get_a_proper_answer(node: Node, data: st.DataObject) -> None:
    method = data.draw(st.sampled_from(node.methods.names))
    params = data.draw(st.lists(values, max_size=4) | st.sampled_from(SHAPES).flatmap(shaped))
    request_id = data.draw(st.integers() | st.text(max_size=20) | st.none())
    body = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
    check_answer(node, node.post(json.dumps(body).encode()), request_id)


def test_the_run_above_was_neither_idle_nor_all_refused(node: Node) -> None:
    if not node.answers:
        pytest.skip("the fuzzing did not run in this process")
    assert node.answers["accepted"] > 30, node.answers
    assert node.answers["refused"] > 30, node.answers


@FUZZ
@given(request=values, batch=st.booleans())
def test_any_json_gets_a_proper_answer(node: Node, request: object, batch: bool) -> None:
    body = [request, request] if batch else request
    answer = node.post(json.dumps(body).encode())
    if isinstance(body, list) and body:
        assert isinstance(answer, list)
        assert len(answer) == len(body)
    for one in answer if isinstance(answer, list) else [answer]:
        check_answer(node, one, None)


@FUZZ
@given(body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_get_a_proper_answer(node: Node, body: bytes) -> None:
    answer = node.post(body)
    for one in answer if isinstance(answer, list) else [answer]:
        check_answer(node, one, None)


@FUZZ
@given(raw=st.binary(max_size=300), kind=st.sampled_from(["", "01", "02", "03", "04", "7f"]))
def test_no_bytes_pass_for_a_transaction(node: Node, raw: bytes, kind: str) -> None:
    body = {"id": 1, "method": "eth_sendRawTransaction", "params": ["0x" + kind + raw.hex()]}
    answer = node.post(json.dumps(body).encode())
    check_answer(node, answer, 1)
    assert isinstance(answer, dict)
    assert answer["error"]["code"] == -32000


@FUZZ
@given(place=st.integers(0, 115), bit=st.integers(0, 7))
def test_no_flipped_bit_passes_for_what_was_signed(node: Node, place: int, bit: int) -> None:
    signed = bytearray(
        FUNDED.sign_transaction(
            {
                "chainId": 84532,
                "nonce": 10**6,
                "to": SOMEWHERE,
                "value": 1,
                "gas": 21_000,
                "maxFeePerGas": 10**9,
                "maxPriorityFeePerGas": 0,
            }
        ).raw_transaction
    )
    assume(place < len(signed))
    signed[place] ^= 1 << bit
    body = {"id": 1, "method": "eth_sendRawTransaction", "params": ["0x" + signed.hex()]}
    answer = node.post(json.dumps(body).encode())
    check_answer(node, answer, 1)
    assert isinstance(answer, dict)
    assert "error" in answer


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * 100_000, -32700),
        (b'{"id":NaN,"method":"eth_chainId"}', -32700),
        (b'{"id":1,"method":"eth_call","params":[Infinity]}', -32700),
        (b'{"id":{},"method":"eth_chainId"}', -32600),
        (b'{"id":1,"method":"' + b"x" * 100_000 + b'"}', -32601),
        (b'{"id":1,"method":"eth_getBalance","params":["' + b"0" * 100_000 + b'"]}', -32602),
        (b'{"id":1,"method":"eth_getBalance","params":[' + b"9" * 10_000 + b"]}", -32700),
        (b"[" + b",".join([b"1"] * 5_000) + b"]", -32600),
        (b'{"id":1,"method":"evm_increaseTime","params":["0x' + b"f" * 64 + b'"]}', -32602),
        (b'{"id":1,"method":"evm_mine","params":{"a":1}}', -32602),
        (b'{"id":1,"method":"eth_estimateGas","params":[{"gas":"0x1"}]}', -32000),
        (b'\xff\xfe{"id":1}', -32700),
    ],
    ids=lambda value: value[:28] if isinstance(value, bytes) else None,
)
def test_known_traps_are_refused(node: Node, body: bytes, code: int) -> None:
    answer = node.post(body)
    assert isinstance(answer, dict)
    check_answer(node, answer, 1)
    assert answer["error"]["code"] == code
    node.works()


def test_a_balance_beyond_256_bits_is_refused(node: Node) -> None:
    one = {"id": 1, "method": "anvil_setBalance", "params": [SOMEWHERE, "0x1"]}
    node.post(json.dumps(one).encode())
    call = {"value": hex(2**256 - 1), "to": SOMEWHERE}
    answer = node.post(json.dumps({"id": 1, "method": "eth_call", "params": [call]}).encode())
    check_answer(node, answer, 1)
    assert isinstance(answer, dict)
    assert answer["error"]["code"] == -32000
    node.works()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"405"),
        (b"POST / HTTP/1.1\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"\r\n\r\n", b"405"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"405"),
        (b"x" * 100_000, b""),
    ],
    ids=lambda value: value[-24:] if isinstance(value, bytes) else None,
)
def test_what_is_not_a_post_of_json_is_turned_away(
    node: Node, request_: bytes, status: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    parts = urlsplit(node.url)
    with (
        caplog.at_level(logging.ERROR),
        socket.create_connection((parts.hostname, parts.port), timeout=20) as connection,
    ):
        connection.sendall(request_)
        answer = b""
        try:
            while chunk := connection.recv(4_096):
                answer += chunk
        except ConnectionResetError:
            assert status == b""
    assert answer.split(b" ")[1:2] == ([status] if status else [])
    assert caplog.records == []
    node.works()


@pytest.mark.anyio
async def test_a_contract_that_calls_itself_without_end_ends(local_chain: LocalChain) -> None:
    # CALL(GAS, ADDRESS, 0, 0, 0, 0, 0): each level keeps a 64th of the gas, 1024 levels at most.
    await local_chain.set_code(SOMEWHERE, bytes.fromhex("600080808080305af1"))
    assert await local_chain.reader.call(Call(SOMEWHERE, b"")) == b""
    assert await local_chain.reader.chain_id() == 84532


@pytest.mark.anyio
async def test_threads_and_tasks_share_one_chain(local_chain: LocalChain) -> None:
    parties = [await Party.funded(local_chain) for _ in range(12)]
    start = threading.Barrier(6)

    def from_a_thread(party: Party) -> list[int]:
        web3 = Web3(Web3.HTTPProvider(local_chain.url))
        start.wait(20)
        blocks = []
        for nonce in range(5):
            signed = party.account.sign_transaction(
                {
                    "chainId": 84532,
                    "nonce": nonce,
                    "to": SOMEWHERE,
                    "value": 1,
                    "gas": 21_000,
                    "maxFeePerGas": 10**10,
                    "maxPriorityFeePerGas": 0,
                }
            )
            sent = web3.eth.send_raw_transaction(signed.raw_transaction)
            blocks.append(web3.eth.get_transaction_receipt(sent)["blockNumber"])
            assert web3.eth.get_transaction_count(party.account.address) == nonce + 1
        return blocks

    async def from_a_task(party: Party) -> None:
        for _ in range(5):
            receipt = await party.send(Call(SOMEWHERE, b"", value=1))
            mined.append(receipt.block_number)

    mined: list[int] = []
    before = await local_chain.reader.block_number()
    with ThreadPoolExecutor(6) as threads:
        futures = [threads.submit(from_a_thread, party) for party in parties[:6]]
        async with anyio.create_task_group() as group:
            for party in parties[6:]:
                group.start_soon(from_a_task, party)
        for future in futures:
            mined += await anyio.to_thread.run_sync(future.result)
    assert await local_chain.reader.balance(SOMEWHERE) == 60
    # A block for each transaction, none twice and none left out.
    assert sorted(mined) == list(range(before + 1, before + 61))
