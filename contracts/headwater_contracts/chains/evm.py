"""A chain of one node on py-evm: state, blocks that are mined as transactions come, and calls.

It is built on py-evm itself rather than through eth-tester, whose backend fixes a chain id of its
own and looks transactions up by scanning every block. Nothing here locks: one thread drives it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from eth_keys.exceptions import BadSignature
from eth_typing import Address as CanonicalAddress
from eth_typing import BlockNumber, Hash32
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException  # type: ignore[import-untyped]

from headwater_payments.errors import needing

with needing("An embedded chain", "chain"):
    from eth.abc import (
        BlockAPI,
        ComputationAPI,
        ReceiptAPI,
        SignedTransactionAPI,
        VirtualMachineAPI,
    )
    from eth.constants import CREATE_CONTRACT_ADDRESS
    from eth.exceptions import PyEVMError

    from headwater_contracts.chains import evm_calls
    from headwater_contracts.chains.evm_machine import new_chain
    from headwater_contracts.chains.evm_records import (
        CallMessage,
        EvmError,
        MinedBlock,
        MinedTransaction,
    )

_FAR_FUTURE_NONCES = 1_000
_LAST_TIMESTAMP = 2**40 - 1
"""Unix seconds; contracts here keep times in 40 bits."""


class EvmChain:
    """One account-funded chain with Prague's rules; every transaction gets a block of its own.

    Blocks of the same second share their timestamp, so that many transactions do not push the
    chain's clock ahead of the callers' (authorizations would expire early).

    Args:
        chain_id: in the EVM (`CHAINID`), in signatures and over RPC.
        funded: the one account with a balance at genesis.
        now: unix seconds.
    """

    def __init__(self, chain_id: int, funded: bytes, now: Callable[[], int]) -> None:
        self.chain_id = chain_id
        self._now = now
        self._time_offset = 0
        self._next_timestamp: int | None = None
        self._chain = new_chain(chain_id, funded, now())
        genesis = self._chain.get_canonical_block_header_by_number(BlockNumber(0))
        self._blocks: list[MinedBlock] = [MinedBlock(genesis, ())]
        self._by_block_hash: dict[bytes, int] = {genesis.hash: 0}
        self._by_hash: dict[bytes, MinedTransaction] = {}
        self._waiting: dict[bytes, dict[int, SignedTransactionAPI]] = {}
        self._reader: tuple[int, VirtualMachineAPI] | None = None

    @property
    def height(self) -> int:
        """The number of the latest block."""
        return len(self._blocks) - 1

    def block(self, number: int) -> MinedBlock | None:
        """The block of this number, if it has been mined."""
        return self._blocks[number] if 0 <= number <= self.height else None

    def block_by_hash(self, block_hash: bytes) -> MinedBlock | None:
        """The block of this hash, if there is one."""
        number = self._by_block_hash.get(block_hash)
        return None if number is None else self._blocks[number]

    def transaction(self, transaction_hash: bytes) -> MinedTransaction | None:
        """A mined transaction."""
        return self._by_hash.get(transaction_hash)

    def waiting(self, transaction_hash: bytes) -> SignedTransactionAPI | None:
        """A transaction that waits for an earlier nonce of its sender."""
        for queue in self._waiting.values():
            for transaction in queue.values():
                if transaction.hash == transaction_hash:
                    return transaction
        return None

    def balance(self, address: bytes, number: int) -> int:
        """Wei held by an account after a block."""
        return int(self._vm(number).state.get_balance(CanonicalAddress(address)))

    def nonce(self, address: bytes, number: int) -> int:
        """Transactions sent by an account up to a block."""
        return int(self._vm(number).state.get_nonce(CanonicalAddress(address)))

    def code(self, address: bytes, number: int) -> bytes:
        """An account's code after a block."""
        return bytes(self._vm(number).state.get_code(CanonicalAddress(address)))

    def storage(self, address: bytes, slot: int, number: int) -> int:
        """One storage word of an account after a block."""
        return int(self._vm(number).state.get_storage(CanonicalAddress(address), slot))

    def send(self, raw: bytes) -> bytes:
        """Take a signed transaction; mine it and what it was blocking, or keep it until its turn.

        Returns:
            The transaction's hash. A failing transaction is mined too, with status 0.

        Raises:
            EvmError: malformed, for another chain, a used nonce, or not affordable.
        """
        transaction = self._decode(raw)
        sender = bytes(transaction.sender)
        next_nonce = self.nonce(sender, self.height)
        if transaction.nonce < next_nonce:
            raise EvmError(f"nonce too low: next nonce {next_nonce}, tx nonce {transaction.nonce}")
        if transaction.nonce > next_nonce + _FAR_FUTURE_NONCES:
            raise EvmError(f"nonce too high: next nonce {next_nonce}, tx nonce {transaction.nonce}")
        queue = self._waiting.setdefault(sender, {})
        if transaction.nonce > next_nonce:
            queue[transaction.nonce] = transaction
            return bytes(transaction.hash)
        self._mine(transaction)
        self._mine_waiting(sender, queue)
        return bytes(transaction.hash)

    def call(self, message: CallMessage, number: int) -> bytes:
        """Run a call on the state after a block and forget what it did.

        Raises:
            ExecutionReverted: it failed; carries the revert data.
        """
        return evm_calls.call(self._vm(number), message)

    def estimate_gas(self, message: CallMessage, number: int) -> int:
        """The least gas, within 2 %, with which a transaction like this succeeds now.

        Raises:
            ExecutionReverted: it fails with any amount of gas.
        """
        return evm_calls.estimate_gas(self._vm(number), message)

    def mine(self) -> None:
        """Mine an empty block."""
        self._prepare_header()
        self._keep(self._chain.mine_block(), None)

    def advance_time(self, seconds: int) -> int:
        """Move the clock of the blocks to come; gives the whole shift so far, in seconds.

        Raises:
            EvmError: further than any contract counts.
        """
        if self._now() + self._time_offset + seconds > _LAST_TIMESTAMP:
            raise EvmError(f"no time after {_LAST_TIMESTAMP}")
        self._time_offset += seconds
        return self._time_offset

    def set_next_timestamp(self, timestamp: int) -> None:
        """Fix the next block's time and let the clock run on from there.

        Raises:
            EvmError: before the latest block.
        """
        if timestamp < self._blocks[-1].header.timestamp:
            raise EvmError(f"timestamp {timestamp} is before the latest block")
        self._next_timestamp = timestamp
        self._time_offset = timestamp - self._now()

    def set_code(self, address: bytes, code: bytes) -> None:
        """Put code at an address, and mine a block, as no transaction could."""
        with self._rewriting() as vm:
            vm.state.set_code(CanonicalAddress(address), code)

    def set_balance(self, address: bytes, wei: int) -> None:
        """Give an account a balance, and mine a block, as no transaction could."""
        with self._rewriting() as vm:
            vm.state.set_balance(CanonicalAddress(address), wei)

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        """Write a storage word, and mine a block, as no transaction could."""
        with self._rewriting() as vm:
            vm.state.set_storage(CanonicalAddress(address), slot, value)

    def _decode(self, raw: bytes) -> SignedTransactionAPI:
        try:
            transaction = self._chain.get_vm().get_transaction_builder().decode(raw)
            chain_id = transaction.chain_id
            transaction.sender  # noqa: B018 - recovers the key, which may fail
        except (
            RLPException,
            ValidationError,
            PyEVMError,
            BadSignature,
            ValueError,
            IndexError,
            TypeError,
        ) as exc:
            raise EvmError(f"invalid transaction: {exc}") from exc
        if chain_id is not None and chain_id != self.chain_id:
            raise EvmError(f"invalid chain id: have {chain_id}, want {self.chain_id}")
        return transaction

    def _mine_waiting(self, sender: bytes, queue: dict[int, SignedTransactionAPI]) -> None:
        while queue:
            following = queue.pop(self.nonce(sender, self.height), None)
            if following is None:
                return
            try:
                self._mine(following)
            except EvmError:
                # Its sender was told the hash only; like a node, drop what became impossible.
                return
        self._waiting.pop(sender, None)

    def _mine(self, transaction: SignedTransactionAPI) -> None:
        self._prepare_header()
        try:
            _, receipt, computation = self._chain.apply_transaction(transaction)
        except (ValidationError, PyEVMError) as exc:
            self._discard_header()
            raise EvmError(_refusal(str(exc))) from exc
        self._keep(self._chain.mine_block(), (transaction, receipt, computation))

    def _keep(
        self,
        block: BlockAPI,
        mined: tuple[SignedTransactionAPI, ReceiptAPI, ComputationAPI] | None,
    ) -> None:
        number = block.number
        transactions: tuple[MinedTransaction, ...] = ()
        if mined is not None:
            transaction, receipt, computation = mined
            record = MinedTransaction(
                transaction=transaction,
                block_number=number,
                index=0,
                gas_used=receipt.gas_used,
                succeeded=computation.is_success,
                created=bytes(computation.msg.storage_address)
                if transaction.to == CREATE_CONTRACT_ADDRESS
                else None,
                first_log_index=0,
                receipt=receipt,
            )
            self._by_hash[bytes(transaction.hash)] = record
            transactions = (record,)
        self._blocks.append(MinedBlock(block.header, transactions))
        self._by_block_hash[bytes(block.hash)] = number

    def _prepare_header(self) -> None:
        latest = self._blocks[-1].header
        timestamp = self._next_timestamp or max(latest.timestamp, self._now() + self._time_offset)
        self._next_timestamp = None
        self._chain.header = self._chain.header.copy(
            timestamp=timestamp, mix_hash=Hash32(os.urandom(32))
        )

    def _discard_header(self) -> None:
        self._chain.header = self._chain.create_header_from_parent(self._blocks[-1].header)

    @contextmanager
    def _rewriting(self) -> Iterator[VirtualMachineAPI]:
        self._prepare_header()
        vm = self._chain.get_vm()
        yield vm
        vm.state.persist()
        self._chain.header = self._chain.header.copy(state_root=vm.state.state_root)
        self._keep(self._chain.mine_block(), None)

    def _vm(self, number: int) -> VirtualMachineAPI:
        """A machine on the state after a block; the latest one is kept between calls."""
        if self._reader is None or self._reader[0] != number:
            vm = self._chain.get_vm(at_header=self._blocks[number].header)
            self._reader = (number, vm)
        return self._reader[1]


def _refusal(reason: str) -> str:
    if "balance" in reason.lower() or "funds" in reason.lower():
        return f"insufficient funds for gas * price + value: {reason}"
    return reason
