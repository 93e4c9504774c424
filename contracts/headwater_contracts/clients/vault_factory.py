"""The factory of revenue vaults: where a vault is, and how it is made."""

from headwater_contracts.calls import Call
from headwater_contracts.clients.base import ContractClient
from headwater_contracts.clients.vault_terms import VaultTerms
from headwater_contracts.events.factory import FACTORY_EVENTS, VaultCreated
from headwater_payments.address import Address, parse_address


class RevenueVaultFactoryClient(ContractClient[VaultCreated]):
    """A vault's address is a function of its terms and can be paid before the vault exists."""

    contract = "RevenueVaultFactory"
    event_kinds = FACTORY_EVENTS

    async def vault_address(self, terms: VaultTerms) -> Address:
        """Where the vault of these terms is, or will be.

        Raises:
            InvalidInputError: the terms aren't valid by themselves; see `VaultTerms.as_tuple`.
            ContractRevertError: `create` would refuse them now, for the same reason.
        """
        return await self._view_address("vaultAddress", terms.as_tuple())

    async def is_vault(self, address: Address) -> bool:
        """Whether this factory created a vault there."""
        (value,) = await self._view("isVault", parse_address(address))
        return bool(value)

    async def is_allowed_token(self, token: Address) -> bool:
        """Whether vaults may book this token."""
        (value,) = await self._view("isAllowedToken", parse_address(token))
        return bool(value)

    async def implementation(self, token: Address) -> Address:
        """The code behind every vault that books this token; the zero address where none may."""
        return await self._view_address("implementationOf", parse_address(token))

    def create(self, terms: VaultTerms) -> Call:
        """Create the vault of these terms; anyone may send it."""
        return self._build(
            f"create the vault of version {terms.version_id}", "create", terms.as_tuple()
        )
