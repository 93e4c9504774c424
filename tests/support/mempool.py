"""A pool of transactions before a chain that mines at once: it holds them until told to mine."""

from typing import Any

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from headwater_contracts.json_rpc import RpcError
from headwater_contracts.reader import Block, BlockName, ChainReader
from headwater_payments.address import Address, parse_address


class Mempool(ChainReader):
    """Reads a chain, and holds back what is sent to it, by the rules of a node's pool.

    One transaction for each sender and nonce; another takes its place where both fees are a tenth
    higher. `seen` keeps every version, as the pools of other nodes may.
    """

    def __init__(self, inner: ChainReader) -> None:
        super().__init__(inner.rpc, inner.expected_chain_id)
        self._inner = inner
        self.seen: list[HexBytes] = []
        self.pool: dict[tuple[Address, int], HexBytes] = {}
        self.base_fee_wei: int | None = None
        self.holding = True

    @property
    def rpc(self) -> Any:
        return self

    async def request(self, method: str, *params: Any) -> Any:
        if method != "eth_sendRawTransaction" or not self.holding:
            return await self._inner.rpc.request(method, *params)
        raw = HexBytes(params[0])
        fields = _fields(raw)
        sender = parse_address(Account.recover_transaction(raw))
        if fields["nonce"] < await self._inner.nonce(sender, "latest"):
            raise RpcError("nonce too low", rpc_code=-32000)
        place = (sender, fields["nonce"])
        if (held := self.pool.get(place)) is not None:
            before = _fields(held)
            for name in ("maxFeePerGas", "maxPriorityFeePerGas"):
                if 10 * fields[name] < 11 * before[name]:
                    raise RpcError("replacement transaction underpriced", rpc_code=-32000)
        self.pool[place] = raw
        self.seen.append(raw)
        return "0x" + keccak(raw).hex()

    async def nonce(self, account: Address, block: BlockName = "pending") -> int:
        mined = await self._inner.nonce(account, "latest")
        return mined + (len(self.pool) if block == "pending" else 0)

    async def block(self, block: BlockName = "latest") -> Block:
        found = await super().block(block)
        if self.base_fee_wei is None:
            return found
        return Block(
            found.number, found.hash, found.parent_hash, found.timestamp, self.base_fee_wei
        )

    async def mine(self, version: int = -1) -> None:
        """Put one of the versions that were seen into a block."""
        await self._inner.rpc.request("eth_sendRawTransaction", "0x" + self.seen[version].hex())
        self.pool.clear()

    @property
    def hashes(self) -> list[str]:
        return ["0x" + keccak(raw).hex() for raw in self.seen]

    @property
    def fees(self) -> list[int]:
        return [_fields(raw)["maxFeePerGas"] for raw in self.seen]


def _fields(raw: HexBytes) -> dict[str, Any]:
    return dict(TypedTransaction.from_bytes(raw).as_dict())
