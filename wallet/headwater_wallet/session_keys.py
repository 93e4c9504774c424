"""A session key: vouchers signed here and at once, while the key that holds the money is elsewhere.

A channel names who signs its vouchers, its `payerAuthorizer`. With a session key that is not the
payer, so the payer's key signs deposits and transfers only, rarely, and may be slow, remote or a
person's. Whoever takes the session key can spend what stands in its channels and no more.

Source: x402 `batch-settlement` on EVM, `ChannelConfig.payerAuthorizer`.
"""

from headwater_payments.address import Address
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.sign_in import SignInMessage, SignInSigner
from headwater_payments.signing import ImmediateSigner, Signer
from headwater_payments.structs import Voucher


class SessionSigner:
    """The payer's signer, with the vouchers left to a session key.

    Args:
        payer: holds the money; signs deposits and transfers.
        session: signs vouchers.
    """

    __slots__ = ("_payer", "_session")

    def __init__(self, payer: Signer, session: ImmediateSigner) -> None:
        self._payer, self._session = payer, session

    @property
    def address(self) -> Address:
        """The account that pays."""
        return self._payer.address

    @property
    def voucher_address(self) -> Address:
        """The account that vouchers recover to."""
        return self._session.address

    async def sign_typed_data(self, typed: TypedData) -> bytes:
        """A voucher by the session key, anything else by the payer.

        Raises:
            HeadwaterError: the payer's signer refuses, or cannot be reached.
        """
        if isinstance(typed.struct, Voucher):
            return self._session.sign_now(typed)
        return await self._payer.sign_typed_data(typed)

    async def sign_in(self, message: SignInMessage) -> bytes:
        """A sign-in by the payer, whose account it is.

        Raises:
            InvalidInputError: the payer's signer cannot sign in.
            HeadwaterError: it refuses, or cannot be reached.
        """
        if not isinstance(self._payer, SignInSigner):
            raise InvalidInputError(f"The signer of {self.address} cannot sign in.")
        return await self._payer.sign_in(message)

    def sign_now(self, typed: TypedData) -> bytes:
        """A voucher's signature, without waiting.

        Raises:
            InvalidInputError: it is no voucher.
        """
        if not isinstance(typed.struct, Voucher):
            raise InvalidInputError("A session key signs vouchers and nothing else.")
        return self._session.sign_now(typed)

    def __repr__(self) -> str:
        return f"SessionSigner({self.address}, vouchers by {self.voucher_address})"


def voucher_address(signer: Signer) -> Address:
    """Who signs a wallet's vouchers: its session key, or the payer itself."""
    return signer.voucher_address if isinstance(signer, SessionSigner) else signer.address
