"""The registry of assets, their versions and what those were made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from headwater_contracts.calls import Call, require_bytes32, require_uint
from headwater_contracts.clients.base import (
    ContractClient,
    as_address,
    as_bytes,
    as_int,
    as_tuple,
)
from headwater_contracts.reader import Receipt
from headwater_payments.address import ZERO_ADDRESS, Address, parse_address
from headwater_payments.errors import InvalidInputError

WHOLE = 100_000_000
"""The whole of an amount: shares and royalties are parts per 10^8."""


class AssetKind(IntEnum):
    """What an asset is."""

    DATANET = 0
    DATASET = 1
    MODEL = 2
    ADAPTER = 3
    SERVICE = 4


@dataclass(frozen=True, slots=True)
class ParentLink:
    """An edge of the lineage; `royalty` in parts per 10^8 of the child's gross revenue, `payee` the
    parent's vault, None where nothing is due."""

    parent_id: int
    royalty: int
    payee: Address | None = None


@dataclass(frozen=True, slots=True)
class AssetVersion:
    """One published version; royalties in parts per 10^8 of gross."""

    version_id: int
    asset_id: int
    number: int
    min_royalty: int
    stack: int
    payee: Address | None
    content_root: bytes
    licence_hash: bytes


class AssetRegistryClient(ContractClient):
    """Ids are counted from 1, assets and versions each in one sequence."""

    contract = "AssetRegistry"

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
        return AssetKind(as_int(kind))

    async def version(self, version_id: int) -> AssetVersion:
        """A version.

        Raises:
            InvalidInputError: there is none of this id.
        """
        fields = await self._view("versions", require_uint("version_id", version_id, 64))
        asset_id, number, min_royalty, stack, payee, content_root, licence_hash = fields
        if as_int(asset_id) == 0:
            raise InvalidInputError(f"There is no version {version_id}.", version_id=version_id)
        return AssetVersion(
            version_id=version_id,
            asset_id=as_int(asset_id),
            number=as_int(number),
            min_royalty=as_int(min_royalty),
            stack=as_int(stack),
            payee=_optional(as_address(payee)),
            content_root=as_bytes(content_root),
            licence_hash=as_bytes(licence_hash),
        )

    async def parents(self, version_id: int) -> list[ParentLink]:
        """What a version was made from, by ascending id."""
        (rows,) = await self._view("parentLinks", require_uint("version_id", version_id, 64))
        links = (as_tuple(row) for row in as_tuple(rows))
        return [
            ParentLink(as_int(parent), as_int(royalty), _optional(as_address(payee)))
            for parent, royalty, payee in links
        ]

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

    def registered_asset(self, receipt: Receipt) -> int:
        """The id of the asset that a transaction registered."""
        return self._id_from(receipt, "AssetRegistered", "assetId")

    def published_version(self, receipt: Receipt) -> int:
        """The id of the version that a transaction published."""
        return self._id_from(receipt, "VersionPublished", "versionId")

    def _id_from(self, receipt: Receipt, event: str, field: str) -> int:
        for log in receipt.logs:
            found = self._abi.decode_event(log.topics, log.data)
            if log.address == self.address and found is not None and found[0] == event:
                return as_int(found[1][field])
        raise InvalidInputError(
            f"Transaction {receipt.transaction_hash} has no {event} of this registry.",
            transaction=receipt.transaction_hash,
        )


def _optional(address: Address) -> Address | None:
    return None if address == ZERO_ADDRESS else address


def _require_share(name: str, share: int) -> int:
    if not 0 <= require_uint(name, share, 32) <= WHOLE:
        raise InvalidInputError(f"{name} must be 0 to {WHOLE} parts per 10^8, not {share}.")
    return share
