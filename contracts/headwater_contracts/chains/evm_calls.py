"""Calls that no transaction carries: run on a state and forgotten, with the gas they would take."""

from typing import cast

from eth.abc import ComputationAPI, VirtualMachineAPI
from eth.exceptions import Revert
from eth.vm.message import Message
from eth_typing import Address as CanonicalAddress
from eth_utils.exceptions import ValidationError

from headwater_contracts.chains.development import BLOCK_GAS_LIMIT
from headwater_contracts.chains.evm_records import CallMessage, EvmError, ExecutionReverted

_TX_GAS = 21_000
_CREATE_GAS = 32_000


def call(vm: VirtualMachineAPI, message: CallMessage) -> bytes:
    """What a call returns.

    Raises:
        ExecutionReverted: it failed; carries the revert data.
    """
    computation = run(vm, message, min(message.gas or BLOCK_GAS_LIMIT, BLOCK_GAS_LIMIT))
    _raise_on_failure(computation)
    return bytes(computation.output)


def estimate_gas(vm: VirtualMachineAPI, message: CallMessage) -> int:
    """The least gas, within 2 %, with which a transaction like this succeeds.

    Raises:
        ExecutionReverted: it fails with any amount of gas.
        EvmError: the message allows less gas than a transaction costs before it runs.
    """
    intrinsic, floor = _intrinsic_gas(message)
    limit = min(message.gas or BLOCK_GAS_LIMIT, BLOCK_GAS_LIMIT) - intrinsic
    if limit < 0:
        raise EvmError(f"intrinsic gas too low: {intrinsic} needed")
    computation = run(vm, message, limit)
    _raise_on_failure(computation)
    low = limit - int(computation.get_gas_remaining())
    high = low
    # A call may be given 63/64 of what is left only, so what was used may not suffice.
    while run(vm, message, min(high, limit)).is_error and high < limit:
        low, high = high, high + high // 32 + 5_000
    while high - low > high // 50:
        middle = (low + high) // 2
        if run(vm, message, middle).is_error:
            low = middle
        else:
            high = middle
    return max(floor, intrinsic + min(high, limit))


def run(vm: VirtualMachineAPI, message: CallMessage, gas: int) -> ComputationAPI:
    """Run a call with so much gas, whether it succeeds or not, and forget what it did.

    Raises:
        EvmError: no state could hold what it would leave, such as a balance beyond 256 bits.
    """
    state = vm.state
    sender = CanonicalAddress(message.sender)
    created = _create_address(message.sender) if not message.to else None
    snapshot = state.snapshot()
    try:
        # As nodes do: a call may spend value that its sender does not have.
        if message.value:
            state.set_balance(sender, max(message.value, state.get_balance(sender)))
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
        apply = machine.apply_message if message.to else machine.apply_create_message
        return apply(state, evm_message, context)
    except ValidationError as exc:
        raise EvmError(f"impossible call: {exc}") from exc
    finally:
        state.revert(snapshot)
        state.clear_transient_storage()


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
