"""JSON-RPC over an `EvmChain`: the methods wallets and libraries use, and a few to develop with."""

from collections.abc import Callable, Mapping

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from headwater_contracts.chains.evm import EvmChain
from headwater_contracts.chains.evm_records import EvmError, ExecutionReverted
from headwater_contracts.chains.rpc_params import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    REVERTED,
    SERVER_ERROR,
    Params,
    RpcFault,
)
from headwater_contracts.chains.rpc_shapes import (
    block_json,
    hex_data,
    log_rows,
    mined_json,
    receipt_json,
    transaction_json,
)

MAX_BATCH = 1_000
"""Requests of one batch; the chain answers nobody else meanwhile."""

_MAX_PERCENTILES = 100
_PRIORITY_FEE_WEI = 1_000_000
_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")


class RpcMethods:
    """Answers requests about one chain.

    Args:
        chain: driven by whoever calls `answer`, one request at a time.
    """

    def __init__(self, chain: EvmChain) -> None:
        self._chain = chain
        self._methods: Mapping[str, Callable[[Params], object]] = {
            "web3_clientVersion": lambda _: "Headwater/LocalChain",
            "net_version": lambda _: str(chain.chain_id),
            "net_listening": lambda _: True,
            "eth_chainId": lambda _: hex(chain.chain_id),
            "eth_syncing": lambda _: False,
            "eth_accounts": lambda _: [],
            "eth_blockNumber": lambda _: hex(chain.height),
            "eth_gasPrice": lambda _: hex(self._base_fee() + _PRIORITY_FEE_WEI),
            "eth_maxPriorityFeePerGas": lambda _: hex(_PRIORITY_FEE_WEI),
            "eth_feeHistory": self._fee_history,
            "eth_getBalance": lambda p: hex(chain.balance(p.address(0), p.block(1))),
            "eth_getTransactionCount": lambda p: hex(chain.nonce(p.address(0), p.block(1))),
            "eth_getCode": lambda p: hex_data(chain.code(p.address(0), p.block(1))),
            "eth_getStorageAt": self._storage,
            "eth_call": lambda p: hex_data(chain.call(p.message(0), p.block(1))),
            "eth_estimateGas": lambda p: hex(chain.estimate_gas(p.message(0), p.block(1))),
            "eth_sendRawTransaction": lambda p: hex_data(chain.send(p.data(0))),
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getBlockByNumber": self._block,
            "eth_getBlockByHash": lambda p: block_json(
                chain, chain.block_by_hash(p.data(0)), p.flag(1)
            ),
            "eth_getLogs": self._logs,
            "evm_increaseTime": lambda p: hex(chain.advance_time(p.quantity(0, bits=40))),
            "evm_setNextBlockTimestamp": self._set_next_timestamp,
            "evm_mine": self._mine,
            "anvil_setCode": lambda p: chain.set_code(p.address(0), p.data(1)),
            "anvil_setBalance": lambda p: chain.set_balance(p.address(0), p.quantity(1)),
            "anvil_setStorageAt": self._set_storage,
        }

    @property
    def names(self) -> list[str]:
        """Every method that there is."""
        return sorted(self._methods)

    def answer(self, request: object) -> object:
        """The answer to a request or a batch, as JSON-RPC 2.0 wants it; never raises."""
        if isinstance(request, list):
            if not 0 < len(request) <= MAX_BATCH:
                return _error(
                    None, RpcFault(INVALID_REQUEST, f"a batch has 1 to {MAX_BATCH} requests")
                )
            return [self._answer_one(item) for item in request]
        return self._answer_one(request)

    def _answer_one(self, request: object) -> object:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _error(None, RpcFault(INVALID_REQUEST, "not a JSON-RPC 2.0 request"))
        request_id = request.get("id")
        if isinstance(request_id, bool) or not isinstance(request_id, int | float | str | None):
            return _error(None, RpcFault(INVALID_REQUEST, "an id is a number, a text or null"))
        try:
            params = request.get("params", [])
            if not isinstance(params, list):
                raise RpcFault(INVALID_PARAMS, "params must be a list")
            method = self._methods.get(request["method"])
            if method is None:
                raise RpcFault(
                    METHOD_NOT_FOUND, f"the method {request['method'][:80]!r} does not exist"
                )
            result = method(Params(params, self._chain))
        except RpcFault as fault:
            return _error(request_id, fault)
        except ExecutionReverted as reverted:
            reason = revert_reason(reverted.data) or str(reverted)
            return _error(request_id, RpcFault(REVERTED, reason, hex_data(reverted.data)))
        except EvmError as refused:
            return _error(request_id, RpcFault(SERVER_ERROR, str(refused)))
        except Exception as exc:  # noqa: BLE001 - a node answers whatever went wrong inside it
            message = f"internal error: {type(exc).__name__}: {exc}"
            return _error(request_id, RpcFault(INTERNAL_ERROR, message))
        return {"jsonrpc": "2.0", "id": request_id, "result": result}

    def _base_fee(self) -> int:
        block = self._chain.block(self._chain.height)
        return block.base_fee_wei if block is not None else 0

    def _fee_history(self, params: Params) -> object:
        count = max(1, min(params.quantity(0), 1_024, self._chain.height + 1))
        newest = params.block(1)
        oldest = max(0, newest - count + 1)
        blocks = [b for n in range(oldest, newest + 1) if (b := self._chain.block(n))]
        fees = [hex(b.base_fee_wei) for b in blocks]
        percentiles = params.items(2) if params.has(2) else []
        if len(percentiles) > _MAX_PERCENTILES:
            raise RpcFault(INVALID_PARAMS, f"at most {_MAX_PERCENTILES} percentiles")
        return {
            "oldestBlock": hex(oldest),
            "baseFeePerGas": [*fees, hex(self._base_fee())],
            "gasUsedRatio": [b.header.gas_used / b.header.gas_limit for b in blocks],
            "reward": [[hex(_PRIORITY_FEE_WEI)] * len(percentiles) for _ in blocks],
        }

    def _block(self, params: Params) -> object:
        """Unlike other methods, this one answers null for a block that has not been mined."""
        wanted = params.value(0)
        by_name = wanted is None or (isinstance(wanted, str) and not wanted.startswith("0x"))
        number = params.block(0) if by_name else params.quantity(0)
        return block_json(self._chain, self._chain.block(number), params.flag(1))

    def _storage(self, params: Params) -> object:
        value = self._chain.storage(params.address(0), params.quantity(1), params.block(2))
        return hex_data(value.to_bytes(32, "big"))

    def _set_storage(self, params: Params) -> object:
        value = params.data(2)
        if len(value) > 32:
            raise RpcFault(INVALID_PARAMS, "a word of storage has 32 bytes at most")
        slot = params.quantity(1)
        self._chain.set_storage(params.address(0), slot, int.from_bytes(value, "big"))
        return True

    def _set_next_timestamp(self, params: Params) -> object:
        self._chain.set_next_timestamp(params.quantity(0, bits=40))
        return None

    def _mine(self, _: Params) -> object:
        self._chain.mine()
        return "0x0"

    def _transaction(self, params: Params) -> object:
        mined = self._chain.transaction(params.data(0))
        if mined is not None:
            return mined_json(self._chain, mined)
        waiting = self._chain.waiting(params.data(0))
        return None if waiting is None else transaction_json(waiting, self._chain.chain_id)

    def _receipt(self, params: Params) -> object:
        mined = self._chain.transaction(params.data(0))
        if mined is None:
            return None
        return receipt_json(self._chain, mined)

    def _logs(self, params: Params) -> object:
        wanted = params.log_filter(0)
        rows: list[dict[str, object]] = []
        for number in range(wanted.first, wanted.last + 1):
            block = self._chain.block(number)
            for mined in block.transactions if block is not None else ():
                for row, log in zip(log_rows(self._chain, mined), mined.receipt.logs, strict=True):
                    topics = [topic.to_bytes(32, "big") for topic in log.topics]
                    if wanted.matches(bytes(log.address), topics):
                        rows.append(row)
        return rows


def revert_reason(data: bytes) -> str | None:
    """What a contract reverted with, in words: `Error(string)`, `Panic(uint256)`, or the bytes."""
    if not data:
        return None
    try:
        if data[:4] == _ERROR_STRING:
            (reason,) = decode(["string"], data[4:])
            return f"execution reverted: {reason}"
        if data[:4] == _PANIC:
            (code,) = decode(["uint256"], data[4:])
            return f"execution reverted: panic 0x{code:02x}"
    except (DecodingError, UnicodeDecodeError):
        pass
    return f"execution reverted: 0x{data.hex()}"


def _error(request_id: object, fault: RpcFault) -> dict[str, object]:
    error: dict[str, object] = {"code": fault.code, "message": str(fault)}
    if fault.data is not None:
        error["data"] = fault.data
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


def parse_error() -> dict[str, object]:
    """The answer to something that is not JSON."""
    return _error(None, RpcFault(PARSE_ERROR, "the request is not JSON"))
