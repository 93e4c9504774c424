"""Machine-readable licences on chain. Anyone opens one; nobody ever changes it."""

from headwater_contracts.calls import Call, require_bytes32
from headwater_contracts.clients.base import ContractClient
from headwater_contracts.clients.licence_terms import Licence, Use
from headwater_contracts.events.licences import LICENCE_EVENTS, LicenceOpened
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError


class LicencesClient(ContractClient[LicenceOpened]):
    """A licence is named by its hash, `Licence.hash`."""

    contract = "Licences"
    event_kinds = LICENCE_EVENTS

    async def is_open(self, licence_hash: bytes) -> bool:
        """Whether a licence of this hash is known, so that links are held to it."""
        (value,) = await self._view("isOpen", require_bytes32("licence_hash", licence_hash))
        return bool(value)

    async def licence(self, licence_hash: bytes) -> Licence:
        """A licence.

        Raises:
            InvalidInputError: none of this hash was opened.
        """
        if not await self.is_open(licence_hash):
            raise InvalidInputError("No licence of this hash was opened.", hash=licence_hash.hex())
        (value,) = await self._view("licenceOf", require_bytes32("licence_hash", licence_hash))
        return Licence.from_tuple(value)

    async def require_derivable(
        self,
        parent: bytes,
        child: bytes,
        use: Use,
        owner: Address,
        *,
        approved: bool = False,
    ) -> None:
        """Ask whether a version under `child` may follow from one under `parent`.

        Raises:
            ContractRevertError: it may not; `NotGranted` names the field.
        """
        await self._view(
            "requireDerivable",
            require_bytes32("parent", parent),
            require_bytes32("child", child),
            int(use),
            parse_address(owner),
            approved,
        )

    def open(self, licence: Licence) -> Call:
        """Open a licence for good; opening it again changes nothing."""
        return self._build("open a licence", "open", licence.as_tuple())
