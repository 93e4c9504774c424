"""The terms of a revenue vault, which decide its address and never change."""

from dataclasses import dataclass

from headwater_contracts.calls import require_bytes32, require_uint
from headwater_contracts.clients.base import as_address, as_bytes, as_int, as_tuple
from headwater_contracts.clients.lineage import WHOLE
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError

MAX_PLATFORM_AND_HOST = 50_000_000
"""What platform and host may take together, parts per 10^8 of gross."""

MAX_CHALLENGE_WINDOW_S = 30 * 86_400
"""The longest challenge window that the factory accepts, seconds."""

PACKED_BYTES = 140
"""Terms as they stand in a vault's code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultTerms:
    """Who shares an asset version's revenue.

    Args:
        token: the one token booked.
        version_id: the asset version.
        platform: who runs the marketplace.
        host: who runs the inference.
        attributor: who posts epochs and roots.
        fallback: who receives the pool if no root is ever final; none of the other parties.
        platform_share, host_share, owner_share, parents_share, contributors_share: parts per 10^8
            of gross, together exactly 10^8; `parents_share` is the sum of the version's royalties.
        challenge_window: seconds between a root's posting and its finality, at most 30 days.
        panel: the number of the panel that judges the epochs.
        terms_hash: hash of the whole document of terms, 32 bytes.
    """

    token: Address
    version_id: int
    platform: Address
    host: Address
    attributor: Address
    fallback: Address
    platform_share: int
    host_share: int
    owner_share: int
    parents_share: int
    contributors_share: int
    challenge_window: int
    panel: int
    terms_hash: bytes

    def as_tuple(self) -> tuple[object, ...]:
        """In the order of the ABI.

        Raises:
            InvalidInputError: a value does not fit, shares do not sum to 10^8, platform and host
                are above their cap, the window is too long, or the fallback is one of the parties.
        """
        self._require_shares()
        others = [parse_address(a) for a in (self.platform, self.host, self.attributor)]
        if parse_address(self.fallback) in others:
            raise InvalidInputError("The fallback cannot be platform, host or attributor.")
        return (
            parse_address(self.token),
            require_uint("version_id", self.version_id, 40),
            *others,
            parse_address(self.fallback),
            self.platform_share,
            self.host_share,
            self.owner_share,
            self.parents_share,
            self.contributors_share,
            self._window(),
            require_uint("panel", self.panel, 32),
            require_bytes32("terms_hash", self.terms_hash),
        )

    @classmethod
    def from_tuple(cls, value: object) -> "VaultTerms":
        """From the decoded struct."""
        token, version, platform, host, attributor, fallback, *rest = as_tuple(value)
        p, h, o, parents, contributors, window, panel, terms_hash = rest
        return cls(
            token=as_address(token),
            version_id=as_int(version),
            platform=as_address(platform),
            host=as_address(host),
            attributor=as_address(attributor),
            fallback=as_address(fallback),
            platform_share=as_int(p),
            host_share=as_int(h),
            owner_share=as_int(o),
            parents_share=as_int(parents),
            contributors_share=as_int(contributors),
            challenge_window=as_int(window),
            panel=as_int(panel),
            terms_hash=as_bytes(terms_hash),
        )

    def packed(self) -> bytes:
        """As they stand in the vault's code, without the token: `VaultTerms.sol` says how.

        Raises:
            InvalidInputError: as `as_tuple`.
        """
        self.as_tuple()
        parties = (self.platform, self.host, self.attributor, self.fallback)
        numbers = (
            (self.version_id, 5),
            (self.panel, 4),
            (require_uint("challenge_window", self.challenge_window, 24), 3),
            (self.platform_share, 4),
            (self.host_share, 4),
            (self.owner_share, 4),
            (self.contributors_share, 4),
        )
        return b"".join(
            (
                *(bytes.fromhex(parse_address(party)[2:]) for party in parties),
                *(value.to_bytes(size, "big") for value, size in numbers),
                self.terms_hash,
            )
        )

    @classmethod
    def from_packed(cls, token: Address, packed: bytes) -> "VaultTerms":
        """From a vault's code, with or without zeros behind.

        Raises:
            InvalidInputError: they are shorter than terms are.
        """
        if len(packed) < PACKED_BYTES:
            raise InvalidInputError(
                f"Packed terms have {PACKED_BYTES} bytes, not {len(packed)}.", length=len(packed)
            )
        parties = [as_address("0x" + packed[at : at + 20].hex()) for at in range(0, 80, 20)]
        sizes, at, numbers = (5, 4, 3, 4, 4, 4, 4), 80, list[int]()
        for size in sizes:
            numbers.append(int.from_bytes(packed[at : at + size], "big"))
            at += size
        version_id, panel, window, platform, host, owner, contributors = numbers
        return cls(
            token=token,
            version_id=version_id,
            platform=parties[0],
            host=parties[1],
            attributor=parties[2],
            fallback=parties[3],
            platform_share=platform,
            host_share=host,
            owner_share=owner,
            parents_share=WHOLE - platform - host - owner - contributors,
            contributors_share=contributors,
            challenge_window=window,
            panel=panel,
            terms_hash=packed[at:PACKED_BYTES],
        )

    def _window(self) -> int:
        window = require_uint("challenge_window", self.challenge_window, 32)
        if window > MAX_CHALLENGE_WINDOW_S:
            raise InvalidInputError(
                f"A challenge window of {window} seconds is longer than {MAX_CHALLENGE_WINDOW_S}.",
                challenge_window=window,
            )
        return window

    def _require_shares(self) -> None:
        shares = (
            require_uint("platform_share", self.platform_share, 32),
            require_uint("host_share", self.host_share, 32),
            require_uint("owner_share", self.owner_share, 32),
            require_uint("parents_share", self.parents_share, 32),
            require_uint("contributors_share", self.contributors_share, 32),
        )
        if sum(shares) != WHOLE:
            raise InvalidInputError(
                f"The shares sum to {sum(shares)}; they must sum to {WHOLE} parts per 10^8.",
                total=sum(shares),
            )
        if self.platform_share + self.host_share > MAX_PLATFORM_AND_HOST:
            raise InvalidInputError(
                f"Platform and host take {self.platform_share + self.host_share} parts per 10^8; "
                f"at most {MAX_PLATFORM_AND_HOST} are allowed together.",
            )
