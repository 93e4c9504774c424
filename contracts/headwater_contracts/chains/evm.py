"""A chain of one node on py-evm: state, blocks that are mined as transactions come, and calls.

It is built on py-evm itself rather than through eth-tester, whose backend fixes a chain id of its
own and looks transactions up by scanning every block. Nothing here locks: one thread drives it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from eth.abc import (
    BlockAPI,
    BlockHeaderAPI,
    ComputationAPI,
    ReceiptAPI,
    SignedTransactionAPI,
    VirtualMachineAPI,
)
from eth.chains.base import MiningChain
from eth.consensus.applier import ConsensusApplier
from eth.consensus.noproof import NoProofConsensus
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.db.atomic import AtomicDB
from eth.exceptions import PyEVMError, Revert
from eth.typing import AccountDetails, HeaderParams
from eth.vm.forks.prague import PragueVM
from eth.vm.message import Message
from eth_keys.exceptions import BadSignature
from eth_typing import Address as CanonicalAddress
from eth_typing import BlockNumber, Hash32
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException  # type: ignore[import-untyped]

BLOCK_GAS_LIMIT = 60_000_000
MAX_INITCODE_BYTES = 49_152
_GENESIS_WEI = 10**30
_TX_GAS = 21_000
_CREATE_GAS = 32_000
_FAR_FUTURE_NONCES = 1_000


class EvmError(Exception):
    """The chain refuses what it was asked; nothing has changed."""


class ExecutionReverted(EvmError):  # noqa: N818 - the name that nodes use
    """A call ran and failed.

    Args:
        reason: why, for failures other than REVERT.
        data: what the contract reverted with.
    """

    def __init__(self, reason: str, data: bytes) -> None:
        super().__init__(reason)
        self.data = data


@dataclass(frozen=True, slots=True)
class CallMessage:
    """A call without a signature: what `eth_call` and `eth_estimateGas` take."""

    sender: bytes
    to: bytes
    data: bytes
    value: int = 0
    gas: int | None = None


@dataclass(frozen=True, slots=True)
class MinedTransaction:
    """A transaction with where it was mined and what it did."""

    transaction: SignedTransactionAPI
    block_number: int
    index: int
    gas_used: int
    succeeded: bool
    created: bytes | None
    first_log_index: int
    receipt: ReceiptAPI


@dataclass(frozen=True, slots=True)
class MinedBlock:
    """A block and its transactions."""

    header: BlockHeaderAPI
    transactions: tuple[MinedTransaction, ...]

    @property
    def base_fee_wei(self) -> int:
        """Burnt for each unit of gas."""
        return int(self.header.base_fee_per_gas or 0)


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
        chain = _chain_class(chain_id).from_genesis(
            AtomicDB(),
            {
                "coinbase": bytes(20),
                "difficulty": 0,
                "extra_data": b"",
                "gas_limit": BLOCK_GAS_LIMIT,
                "mix_hash": os.urandom(32),
                "nonce": bytes(8),
                "timestamp": now(),
            },
            {CanonicalAddress(funded): _account(_GENESIS_WEI)},
        )
        self._chain = cast("MiningChain", chain)
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
        computation = self._execute(message, number, message.gas or BLOCK_GAS_LIMIT)
        _raise_on_failure(computation)
        return bytes(computation.output)

    def estimate_gas(self, message: CallMessage, number: int) -> int:
        """The least gas, within 2 %, with which a transaction like this succeeds now.

        Raises:
            ExecutionReverted: it fails with any amount of gas.
        """
        intrinsic, floor = _intrinsic_gas(message)
        limit = min(message.gas or BLOCK_GAS_LIMIT, BLOCK_GAS_LIMIT) - intrinsic
        computation = self._execute(message, number, limit)
        _raise_on_failure(computation)
        low = limit - computation.get_gas_remaining()
        high = low
        # A call may be given 63/64 of what is left only, so what was used may not suffice.
        while self._execute(message, number, min(high, limit)).is_error and high < limit:
            low, high = high, high + high // 32 + 5_000
        while high - low > high // 50:
            middle = (low + high) // 2
            if self._execute(message, number, middle).is_error:
                low = middle
            else:
                high = middle
        return max(floor, intrinsic + min(high, limit))

    def mine(self) -> None:
        """Mine an empty block."""
        self._prepare_header()
        self._keep(self._chain.mine_block(), None)

    def advance_time(self, seconds: int) -> int:
        """Move the clock of the blocks to come; gives the whole shift so far, in seconds."""
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

    def _execute(self, message: CallMessage, number: int, gas: int) -> ComputationAPI:
        state = self._vm(number).state
        sender = CanonicalAddress(message.sender)
        created = _create_address(message.sender) if not message.to else None
        snapshot = state.snapshot()
        try:
            # As nodes do: a call may spend value that its sender does not have.
            if message.value:
                state.delta_balance(sender, message.value)
            for warm in (sender, CanonicalAddress(message.to or created or b"")):
                state.mark_address_warm(warm)
            evm_message = Message(
                gas=gas,
                to=CanonicalAddress(message.to),
                sender=sender,
                value=message.value,
                data=message.data if message.to else b"",
                code=state.get_code(CanonicalAddress(message.to)) if message.to else message.data,
                create_address=cast("CanonicalAddress", created),
            )
            context = state.get_transaction_context_class()(gas_price=0, origin=sender)
            machine = state.computation_class
            run = machine.apply_message if message.to else machine.apply_create_message
            return run(state, evm_message, context)
        finally:
            state.revert(snapshot)
            state.clear_transient_storage()


def _chain_class(chain_id_: int) -> type[MiningChain]:
    consensus = ConsensusApplier(NoProofConsensus)

    class OneNodeVM(PragueVM):
        def validate_block(self, block: BlockAPI) -> None:
            """Every block comes from this node; equal timestamps are meant."""

    class OneNodeChain(MiningChain):
        chain_id = chain_id_
        vm_configuration = consensus.amend_vm_configuration(((0, OneNodeVM),))

        def create_header_from_parent(
            self, parent_header: BlockHeaderAPI, **header_params: HeaderParams
        ) -> BlockHeaderAPI:
            header_params.setdefault("gas_limit", parent_header.gas_limit)
            return super().create_header_from_parent(parent_header, **header_params)

        def validate_block(self, block: BlockAPI) -> None:
            """As for the machine above."""

    return OneNodeChain


def _account(wei: int) -> AccountDetails:
    return {"balance": wei, "nonce": 0, "code": b"", "storage": {}}


def _create_address(sender: bytes) -> bytes:
    """Where a contract created by an unsigned call stands: any address without code will do."""
    return bytes(reversed(sender))


def _intrinsic_gas(message: CallMessage) -> tuple[int, int]:
    """Gas before execution, and the floor of EIP-7623."""
    zeros = message.data.count(0)
    tokens = zeros + 4 * (len(message.data) - zeros)
    create = 0 if message.to else _CREATE_GAS + 2 * ((len(message.data) + 31) // 32)
    return _TX_GAS + 4 * tokens + create, _TX_GAS + 10 * tokens


def _raise_on_failure(computation: ComputationAPI) -> None:
    if computation.is_success:
        return
    error = computation.error
    if isinstance(error, Revert):
        raise ExecutionReverted("execution reverted", bytes(computation.output))
    raise ExecutionReverted(f"{type(error).__name__}: {error}", b"")


def _refusal(reason: str) -> str:
    if "balance" in reason.lower() or "funds" in reason.lower():
        return f"insufficient funds for gas * price + value: {reason}"
    return reason
