"""What every chain to develop on can do: fund accounts, place code, move its clock."""

from types import TracebackType
from typing import Self

from eth_account import Account
from eth_account.signers.local import LocalAccount

from headwater_contracts.calls import Call
from headwater_contracts.json_rpc import JsonRpc
from headwater_contracts.reader import ChainReader, Receipt
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError

DEVELOPMENT_CHAIN_ID = 84532
"""Base Sepolia's, so that what is published for that network (token, contracts) applies here."""

BLOCK_GAS_LIMIT = 60_000_000
"""Of every development chain, so that what one takes in a transaction the other takes too."""


class DevelopmentChain:
    """A chain that belongs to this process, reached by JSON-RPC like any other.

    Use it as an async context manager. Its faucet key is made anew for each chain and holds the
    chain's own coin; it is the only key here, and it is worth nothing anywhere else.
    """

    def __init__(self, url: str, chain_id: int, faucet: LocalAccount) -> None:
        self._url = url
        self._chain_id = chain_id
        self._faucet = faucet
        self._rpc = JsonRpc(url)
        self._reader = ChainReader(self._rpc, chain_id)
        self._next_nonce: int | None = None

    @property
    def url(self) -> str:
        """Where JSON-RPC is served."""
        return self._url

    @property
    def chain_id(self) -> int:
        """The id in the EVM and over RPC."""
        return self._chain_id

    @property
    def faucet(self) -> Address:
        """The account that funds others and deploys."""
        return parse_address(self._faucet.address)

    @property
    def reader(self) -> ChainReader:
        """Reads this chain."""
        return self._reader

    async def send(self, call: Call, *, gas: int = 5_000_000) -> Receipt:
        """Send a call from the faucet account and wait until it is mined.

        Raises:
            ContractRevertError: it failed; nothing but the fee has changed.
        """
        nonce = await self._reader.nonce(self.faucet)
        signed = self._faucet.sign_transaction(
            {
                "chainId": self._chain_id,
                "nonce": nonce,
                "to": bytes.fromhex(call.to[2:]),
                "data": call.data,
                "value": call.value,
                "gas": gas,
                "maxFeePerGas": 100 * 10**9,
                "maxPriorityFeePerGas": 0,
            }
        )
        raw = "0x" + signed.raw_transaction.hex().removeprefix("0x")
        tx_hash = await self._rpc.request("eth_sendRawTransaction", raw)
        receipt = await self._reader.wait_for_receipt(str(tx_hash))
        if not receipt.succeeded:
            # The state has moved on by this very transaction; run it again for the reason.
            await self._reader.call(call, sender=self.faucet)
        return receipt

    async def fund(self, account: Address, wei: int) -> None:
        """Send an account some of the chain's own coin."""
        if wei < 0:
            raise InvalidInputError(f"Cannot fund with {wei} wei: give 0 or more.", wei=wei)
        await self.send(Call(to=account, data=b"", value=wei, description="fund an account"))

    async def advance_time(self, seconds: int) -> None:
        """Let `seconds` pass and mine a block that shows it."""
        if seconds < 0:
            raise InvalidInputError("Time runs forward only: give 0 seconds or more.", s=seconds)
        await self._rpc.request("evm_increaseTime", hex(seconds))
        await self.mine()

    async def mine(self, blocks: int = 1) -> None:
        """Mine empty blocks."""
        for _ in range(blocks):
            await self._rpc.request("evm_mine")

    async def set_code(self, address: Address, code: bytes) -> None:
        """Put code at an address, as only a development chain can."""
        await self._rpc.request("anvil_setCode", address, "0x" + code.hex())

    async def run_constructor_at(self, address: Address, initcode: bytes) -> None:
        """Make `address` the contract that `initcode` creates, as if it had been created there.

        The code and immutables that a constructor computes depend on its own address, so runtime
        code copied from elsewhere would be wrong. While the creation code stands at the address, a
        call returns the right runtime code and a transaction leaves the right storage behind.

        Raises:
            ContractRevertError: the constructor reverts.
        """
        construct = Call(to=address, data=b"", description=f"run the constructor at {address}")
        await self.set_code(address, initcode)
        runtime = await self._reader.call(construct, sender=self.faucet)
        await self.send(construct, gas=15_000_000)
        await self.set_code(address, runtime)

    async def aclose(self) -> None:
        """Stop the chain; a second call does nothing."""
        await self._rpc.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


def new_faucet() -> LocalAccount:
    """A fresh random key."""
    account: LocalAccount = Account.create()
    return account
