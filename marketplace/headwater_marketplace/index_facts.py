"""What an event says, as rows of the index."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum

from headwater_contracts.events.event import Event
from headwater_contracts.events.factory import VaultCreated
from headwater_contracts.events.registry import AssetRegistered, AssetTransferred, VersionPublished
from headwater_contracts.events.vault import (
    EntitlementPaid,
    FallbackPaid,
    HostPaid,
    OwnerPaid,
    ParentPaid,
    PlatformPaid,
    RootCancelled,
    RootFinalized,
    RootPosted,
    Synced,
)
from headwater_marketplace.index_tables import (
    AssetRow,
    EventRow,
    Fact,
    MovementRow,
    OwnerRow,
    RootRow,
    VaultRow,
    VersionRow,
)
from headwater_payments.hexadecimal import to_hex


def facts(event: Event) -> list[Fact]:
    """The event itself, and what it changes."""
    log = event.log
    where = {"block_number": log.block_number, "log_index": log.index}
    row = EventRow(
        **where,
        transaction_hash=log.transaction_hash,
        contract=log.address,
        kind=type(event).__name__,
        body=_body(event),
    )
    change = _change(event, where)
    return [row] if change is None else [row, change]


def _change(event: Event, where: Mapping[str, int]) -> Fact | None:
    match event:
        case AssetRegistered():
            return AssetRow(
                **where, asset_id=event.asset_id, kind=event.kind.name.lower(), owner=event.owner
            )
        case AssetTransferred():
            return OwnerRow(**where, asset_id=event.token_id, owner=event.to)
        case VersionPublished():
            return VersionRow(
                **where,
                version_id=event.version_id,
                asset_id=event.asset_id,
                content_root=to_hex(event.content_root),
                licence_hash=to_hex(event.licence_hash),
            )
        case VaultCreated():
            return VaultRow(
                **where,
                vault=event.vault,
                version_id=event.version_id,
                host=event.terms.host,
                token=event.terms.token,
            )
        case RootPosted() | RootFinalized() | RootCancelled():
            return RootRow(
                **where,
                vault=event.log.address,
                epoch=event.epoch,
                posting=event.posting,
                state=type(event).__name__.removeprefix("Root").lower(),
                root=to_hex(event.root),
            )
    return _movement(event, where)


def _movement(event: Event, where: Mapping[str, int]) -> MovementRow | None:
    account: str | None = None
    position: int | None = None
    match event:
        case Synced():
            purpose, amount = "income", event.inflow
        case PlatformPaid():
            purpose, account, amount = "platform", event.platform, event.amount
        case HostPaid():
            purpose, account, amount = "host", event.host, event.amount
        case OwnerPaid():
            purpose, account, amount = "owner", event.owner, event.amount
        case ParentPaid():
            purpose, account, amount = "parent", event.payee, event.amount
        case FallbackPaid():
            purpose, account, amount = "fallback", event.to, event.amount
        case EntitlementPaid():
            purpose, account, amount = "contributor", event.account, event.amount
            position = event.position
        case _:
            return None
    return MovementRow(
        **where,
        vault=event.log.address,
        purpose=purpose,
        account=account,
        position=position,
        amount=str(amount),
    )


def _body(event: Event) -> str:
    named = {field.name: getattr(event, field.name) for field in fields(event)}
    del named["log"]
    return json.dumps(_plain(named), sort_keys=True)


def _plain(value: object) -> object:
    if isinstance(value, bool | None | str):
        return value
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return to_hex(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"an event holds a {type(value).__name__}")
