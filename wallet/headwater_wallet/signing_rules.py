"""What a signer in a process of its own signs: typed data whose meaning it knows, within limits.

The wallet that asks may be in the hands of whoever took over its process. So nothing here trusts
what it says: money leaves an account by a transfer or a deposit, and both are limited one by one
and all together. A voucher moves nothing that was not deposited.
"""

import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater_payments.address import Address
from headwater_payments.amount import Amount, parse_atomic
from headwater_payments.channels import ERC3009_DEPOSIT_COLLECTOR, channel_domain
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import InvalidInputError, UnavailableError
from headwater_payments.exact import MAX_VALIDITY_S
from headwater_payments.files import read_file
from headwater_payments.hexadecimal import to_hex
from headwater_payments.json_text import read_json
from headwater_payments.permit2 import (
    EXACT_PERMIT2_PROXY,
    PERMIT2_DEPOSIT_COLLECTOR,
    UPTO_PERMIT2_PROXY,
    DepositPermit,
    ExactPermit,
    UptoPermit,
    permit2_domain,
)
from headwater_payments.structs import (
    ReceiveWithAuthorization,
    TransferWithAuthorization,
    Voucher,
)
from headwater_wallet.errors import SignerRefusedError

_SPENDERS: Final = {
    ExactPermit: EXACT_PERMIT2_PROXY,
    UptoPermit: UPTO_PERMIT2_PROXY,
    DepositPermit: PERMIT2_DEPOSIT_COLLECTOR,
}
CLOCKS_APART_S: Final = 120
"""Seconds by which the clocks of a wallet and of its signer may differ."""


@dataclass(frozen=True, slots=True)
class SigningRules:
    """Limits of one signer.

    Args:
        most: the most that transfers and deposits may take in all.
        each: the most that one transfer, deposit or channel may take; None for `most`.
        payees: who may be paid by transfers; None for everybody.
    """

    most: Amount
    each: Amount | None = None
    payees: Collection[Address] | None = None

    def check(self, account: Address, typed: TypedData, taken: int, now: int) -> tuple[int, str]:
        """Decide about a signature.

        Args:
            account: whose signature it is.
            typed: what is to be signed.
            taken: atomic units that transfers and deposits have taken before.
            now: Unix seconds.

        Returns:
            The atomic units that it takes, and what it does in words.

        Raises:
            SignerRefusedError: it is not allowed, or nothing that a wallet signs.
        """
        struct = typed.struct
        if isinstance(struct, TransferWithAuthorization):
            self._authorization(account, typed, struct, taken, now)
            if self.payees is not None and struct.to not in self.payees:
                raise SignerRefusedError(f"{struct.to} is not among the payees of this signer.")
            return struct.value, f"transfer {struct.value} to {struct.to}"
        if isinstance(struct, ReceiveWithAuthorization):
            self._authorization(account, typed, struct, taken, now)
            if struct.to != ERC3009_DEPOSIT_COLLECTOR:
                raise SignerRefusedError(f"{struct.to} is not where deposits are collected.")
            return struct.value, f"deposit {struct.value}"
        if isinstance(struct, Voucher):
            if typed.domain != channel_domain(self.most.asset.chain_id):
                raise SignerRefusedError("The voucher is for another chain or contract.")
            self._refuse_more_than(struct.max_claimable, "A voucher")
            return 0, f"voucher to {struct.max_claimable} on {to_hex(struct.channel_id)}"
        if isinstance(struct, ExactPermit | UptoPermit | DepositPermit):
            return self._permit(typed, struct, taken, now)
        raise SignerRefusedError(f"{type(struct).__name__} is nothing that this signer signs.")

    def _authorization(
        self,
        account: Address,
        typed: TypedData,
        struct: TransferWithAuthorization | ReceiveWithAuthorization,
        taken: int,
        now: int,
    ) -> None:
        asset, domain = self.most.asset, typed.domain
        if (domain.chain_id, domain.verifying_contract) != (asset.chain_id, asset.address):
            raise SignerRefusedError("The token is another than this signer's.")
        if struct.sender != account:
            raise SignerRefusedError(f"The money would leave {struct.sender}, not this account.")
        if struct.valid_before > now + MAX_VALIDITY_S + CLOCKS_APART_S:
            raise SignerRefusedError(f"It would be valid for more than {MAX_VALIDITY_S} s.")
        self._within(struct.value, taken)

    def _permit(
        self,
        typed: TypedData,
        struct: ExactPermit | UptoPermit | DepositPermit,
        taken: int,
        now: int,
    ) -> tuple[int, str]:
        """A Permit2 signature: of the account whose it is, since Permit2 takes no other."""
        asset, amount = self.most.asset, struct.permitted.amount
        if typed.domain != permit2_domain(asset.chain_id):
            raise SignerRefusedError("The permit is for another chain or contract.")
        if struct.permitted.token != asset.address:
            raise SignerRefusedError("The token is another than this signer's.")
        if struct.spender != _SPENDERS[type(struct)]:
            raise SignerRefusedError(f"{struct.spender} is no spender that x402 has.")
        if struct.deadline > now + MAX_VALIDITY_S + CLOCKS_APART_S:
            raise SignerRefusedError(f"It would be valid for more than {MAX_VALIDITY_S} s.")
        self._within(amount, taken)
        if isinstance(struct, DepositPermit):
            return amount, f"deposit {amount} into {to_hex(struct.witness.channel_id)}"
        payee = struct.witness.to
        if self.payees is not None and payee not in self.payees:
            raise SignerRefusedError(f"{payee} is not among the payees of this signer.")
        return amount, f"let at most {amount} go to {payee}"

    def _within(self, atomic: int, taken: int) -> None:
        self._refuse_more_than(atomic, "A transfer or deposit")
        left = self.most.atomic - taken
        if atomic > left:
            raise SignerRefusedError(
                f"It takes {atomic} atomic units, and this signer has {left} left.",
                needed=str(atomic),
                left=str(left),
            )

    def _refuse_more_than(self, atomic: int, what: str) -> None:
        most = (self.each or self.most).atomic
        if atomic > most:
            raise SignerRefusedError(f"{what} takes at most {most} atomic units, not {atomic}.")


class Taken:
    """What a signer has given away, kept in a file beside its key.

    Args:
        path: the file; it is made by the first signature.

    Attributes:
        atomic: units that transfers and deposits have taken.
        wei: what transactions may have cost in fees.

    Raises:
        InvalidInputError: what stands there is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path, self.atomic, self.wei = path, 0, 0
        self._read()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one who counts in this file, from what it says now.

        Two signers would each write their own count over the other's.

        Raises:
            UnavailableError: another process counts in it, or its lock cannot be made.
        """
        # Beside it: the file itself is replaced by each count, and its lock with it.
        lock = self._path.with_name(self._path.name + ".lock")
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise UnavailableError(f"{lock} cannot be opened: {exc.strerror}.") from exc
        try:
            self._lock(handle)
            self._read()
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise UnavailableError(
                f"Another signer of this key counts in {self._path} ({exc.strerror}): let one "
                "signer do both, or give this one another key."
            ) from exc

    def _read(self) -> None:
        path = self._path
        if path.exists():
            body = read_json(read_file(path, 4_096), f"The file {path}")
            if not isinstance(body, dict):
                raise InvalidInputError(f"The file {path} does not say what was taken.")
            self.atomic = parse_atomic(body.get("takenAtomic"))
            self.wei = parse_atomic(body.get("takenWei", "0"), maximum=2**256 - 1)

    def add(self, atomic: int = 0, *, wei: int = 0) -> None:
        """Count a signature, on disk, before it is given away."""
        if not atomic and not wei:
            return
        after = {"takenAtomic": str(self.atomic + atomic), "takenWei": str(self.wei + wei)}
        beside = self._path.with_name(self._path.name + ".new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(after, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        _sync_folder(self._path.parent)
        self.atomic, self.wei = self.atomic + atomic, self.wei + wei


def _sync_folder(folder: Path) -> None:
    """Have what was renamed in a folder outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
