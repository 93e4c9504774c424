"""The registry of assets, their versions and what those were made from."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater_contracts.calls import Call, require_bytes32, require_uint
from headwater_contracts.clients.base import (
    ContractClient,
    as_address,
    as_bytes,
    as_int,
    as_tuple,
)
from headwater_contracts.clients.lineage import (
    WHOLE,
    AssetKind,
    ParentLink,
    asset_kind,
    optional_address,
    parent_links,
)
from headwater_contracts.events.registry import (
    REGISTRY_EVENTS,
    AssetRegistered,
    RegistryEvent,
    VersionPublished,
)
from headwater_contracts.reader import Receipt
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError

__all__ = ["WHOLE", "AssetKind", "AssetRegistryClient", "AssetVersion", "ParentLink"]


@dataclass(frozen=True, slots=True)
class AssetVersion:
    """One published version; royalties in parts per 10^8, `published_at` unix seconds.

    Attributes:
        min_royalty: what its children owe of gross; all descendants, of first sales, where it
            `is_absolute`.
        stack: what it owes itself, to parents and, in `absolute_stack`, to ancestors.
    """

    version_id: int
    asset_id: int
    number: int
    min_royalty: int
    stack: int
    absolute_stack: int
    is_absolute: bool
    published_at: int
    payee: Address | None
    content_root: bytes
    licence_hash: bytes


class AssetRegistryClient(ContractClient[RegistryEvent]):
    """Ids are counted from 1, assets and versions each in one sequence."""

    contract = "AssetRegistry"
    event_kinds = REGISTRY_EVENTS

    async def owner(self, asset_id: int) -> Address:
        """Who owns an asset now."""
        return await self._view_address("ownerOf", require_uint("asset_id", asset_id, 64))

    async def asset_count(self) -> int:
        """How many assets there are."""
        return await self._view_int("assetCount")

    async def version_count(self) -> int:
        """How many versions there are."""
        return await self._view_int("versionCount")

    async def kind(self, asset_id: int) -> AssetKind:
        """What an asset is."""
        kind, _ = await self._view("assets", require_uint("asset_id", asset_id, 64))
        return asset_kind(kind)

    async def version(self, version_id: int) -> AssetVersion:
        """A version.

        Raises:
            InvalidInputError: there is none of this id.
        """
        (fields,) = await self._view("versions", require_uint("version_id", version_id, 64))
        (
            asset_id,
            number,
            min_royalty,
            stack,
            published,
            _,
            is_absolute,
            absolute_stack,
            payee,
            content_root,
            licence_hash,
        ) = as_tuple(fields)
        if as_int(asset_id) == 0:
            raise InvalidInputError(f"There is no version {version_id}.", version_id=version_id)
        return AssetVersion(
            version_id=version_id,
            asset_id=as_int(asset_id),
            number=as_int(number),
            min_royalty=as_int(min_royalty),
            stack=as_int(stack),
            absolute_stack=as_int(absolute_stack),
            is_absolute=bool(is_absolute),
            published_at=as_int(published),
            payee=optional_address(payee),
            content_root=as_bytes(content_root),
            licence_hash=as_bytes(licence_hash),
        )

    async def parents(self, version_id: int) -> list[ParentLink]:
        """What a version was made from, by ascending id; links to ancestors follow their index."""
        (rows,) = await self._view("parentLinks", require_uint("version_id", version_id, 64))
        return list(parent_links(rows))

    async def ancestors(self, version_id: int) -> list[ParentLink]:
        """To whom a version owes absolute royalties; these links come after the parents'."""
        (rows,) = await self._view("ancestorLinks", require_uint("version_id", version_id, 64))
        return list(parent_links(rows))

    async def attached_vaults(self, asset_id: int) -> list[Address]:
        """The vaults that a transfer of the asset credits first."""
        (rows,) = await self._view("attachedVaults", require_uint("asset_id", asset_id, 64))
        return [as_address(row) for row in as_tuple(rows)]

    def register_asset(self, kind: AssetKind, owner: Address) -> Call:
        """Create an asset; its id is in the receipt (`registered_asset`)."""
        return self._build(
            f"register a {kind.name.lower()} of {owner}",
            "registerAsset",
            int(kind),
            parse_address(owner),
        )

    def publish_version(
        self,
        asset_id: int,
        content_root: bytes,
        licence_hash: bytes,
        parents: Sequence[ParentLink] = (),
        *,
        min_royalty: int = 0,
    ) -> Call:
        """Publish a version; its id is in the receipt (`published_version`).

        Args:
            asset_id: an asset of the sender's.
            content_root: commitment to the content, 32 bytes.
            licence_hash: hash of the licence's text, 32 bytes.
            parents: strictly ascending by id; their payees are looked up on chain.
            min_royalty: what children must pay, parts per 10^8 of their gross.
        """
        for link in parents:
            _require_share("royalty", link.royalty)
        return self._build(
            f"publish a version of asset {asset_id}",
            "publishVersion",
            require_uint("asset_id", asset_id, 64),
            require_bytes32("content_root", content_root),
            require_bytes32("licence_hash", licence_hash),
            _require_share("min_royalty", min_royalty),
            [(require_uint("parent_id", p.parent_id, 64), p.royalty) for p in parents],
        )

    def set_payee(self, version_id: int, vault: Address) -> Call:
        """Name, once, the vault that royalties to a version go to."""
        return self._build(
            f"pay royalties of version {version_id} to {vault}",
            "setPayee",
            require_uint("version_id", version_id, 64),
            parse_address(vault),
        )

    def attach_vault(self, version_id: int, vault: Address) -> Call:
        """Make a transfer of the asset credit the old owner in this vault first."""
        return self._build(
            f"attach {vault} to version {version_id}",
            "attachVault",
            require_uint("version_id", version_id, 64),
            parse_address(vault),
        )

    def transfer(self, asset_id: int, sender: Address, to: Address) -> Call:
        """Give an asset to another owner; attached vaults credit the old one first."""
        return self._build(
            f"transfer asset {asset_id} to {to}",
            "transferFrom",
            parse_address(sender),
            parse_address(to),
            require_uint("asset_id", asset_id, 64),
        )

    def approve_derivative(self, version_id: int, asset_id: int, approved: bool = True) -> Call:
        """Let an asset derive from a version whose licence asks for approval, or no longer."""
        return self._build(
            f"{'let' if approved else 'no longer let'} asset {asset_id} derive from {version_id}",
            "approveDerivative",
            require_uint("version_id", version_id, 64),
            require_uint("asset_id", asset_id, 64),
            approved,
        )

    def registered_asset(self, receipt: Receipt) -> int:
        """The id of the asset that a transaction registered.

        Raises:
            InvalidInputError: it registered none here.
        """
        return self._only(receipt, AssetRegistered).asset_id

    def published_version(self, receipt: Receipt) -> int:
        """The id of the version that a transaction published.

        Raises:
            InvalidInputError: it published none here.
        """
        return self._only(receipt, VersionPublished).version_id


def _require_share(name: str, share: int) -> int:
    if not 0 <= require_uint(name, share, 32) <= WHOLE:
        raise InvalidInputError(f"{name} must be 0 to {WHOLE} parts per 10^8, not {share}.")
    return share
