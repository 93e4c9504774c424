"""The calibration card: what methods' scores were found to be worth, signed.

A card is one JSON document. Its figures are whole millionths and leave out what a method took in
time, so that its bytes and their hash are the same for everybody who measures the same. A reward
rule reads one number of it, the *confidence* in a method: of each unit that the method pays, the
part that retraining confirmed, at the lower end of its interval, in the world where that is least.
What confidence leaves of a payout stays unattributed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from headwater_attribution.calibration.measured import MeasuredWorld
from headwater_attribution.calibration.metrics import Estimate
from headwater_attribution.documents import SignatureText, SignedDocument, Strict
from headwater_attribution.errors import UnknownMethodError
from headwater_payments.address import Address
from headwater_payments.eip712 import Domain, Struct, TypedData
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.files import read_file
from headwater_payments.hexadecimal import parse_hex
from headwater_payments.signing import Signer, recover
from headwater_payments.split import PARTS

MILLION: Final = 1_000_000
MOST_BYTES: Final = 2**22
"""Of a card's file."""


class Interval(Strict):
    """A figure in millionths with the ends of its 95 % interval."""

    value: int
    low: int
    high: int


class WorldFigures(Strict):
    """What was found of one method in one world, over `seeds` drawings."""

    world: str = Field(min_length=1, max_length=64)
    seeds: int = Field(ge=1)
    retrainings: int = Field(ge=1)
    figures: dict[str, Interval]


class MethodCard(Strict):
    """One method in all worlds, and the confidence that follows, parts per 10^8."""

    method: str = Field(min_length=1, max_length=64)
    worlds: tuple[WorldFigures, ...] = Field(min_length=1)
    confidence: int = Field(ge=0, le=PARTS)


@dataclass(frozen=True, slots=True)
class CalibrationDigest(Struct):
    """What a card's issuer signs: the hash of all of it."""

    solidity = (("cardHash", "bytes32"), ("issuedAt", "uint64"))
    type_name = "CalibrationCard"
    card_hash: bytes
    issued_at: int


class CalibrationCard(SignedDocument):
    """What methods were found to be worth.

    Attributes:
        software: name and version of what measured, such as `headwater 0.1.0`.
        issued_at: Unix seconds.
        methods: each once, in alphabetical order.
        signature: the issuer's, over the hash of everything else; empty until it is signed.

    Raises:
        ValidationError: also where a stated confidence does not follow from the figures.
    """

    format: Literal["headwater/calibration/1"] = "headwater/calibration/1"
    software: str = Field(min_length=1, max_length=128)
    issued_at: int = Field(ge=0, lt=2**64)
    methods: tuple[MethodCard, ...] = Field(min_length=1)
    signature: SignatureText = ""

    def model_post_init(self, context: object, /) -> None:
        """Hold every confidence against the figures that it has to follow from."""
        names = [each.method for each in self.methods]
        if names != sorted(set(names)):
            raise ValueError("methods stand once each, in alphabetical order")
        for each in self.methods:
            if each.confidence != confidence_from(each.worlds):
                raise ValueError(f"the confidence in {each.method} does not follow from its worlds")

    def hash(self) -> bytes:
        """SHA-256 of a tag and the canonical bytes: 32 bytes."""
        return hashlib.sha256(b"headwater/calibration/1\n" + self.canonical()).digest()

    def confidence(self, method: str) -> int:
        """The confidence in a method, parts per 10^8.

        Raises:
            UnknownMethodError: the card says nothing about it, so nothing may rest on it.
        """
        for each in self.methods:
            if each.method == method:
                return each.confidence
        raise UnknownMethodError(
            f"The calibration card says nothing about the method {method}.", method_id=method
        )

    def to_sign(self, chain_id: int) -> TypedData:
        """The card in the form that a `Signer` takes."""
        domain = Domain("Headwater Attribution", "1", chain_id, None)
        return TypedData(domain, CalibrationDigest(self.hash(), self.issued_at))

    def signed_by(self, chain_id: int) -> Address:
        """The account that signed the card.

        Raises:
            InvalidInputError: it is not signed, or the signature fits no key.
        """
        if not self.signature:
            raise InvalidInputError("The calibration card is not signed.")
        return recover(self.to_sign(chain_id), parse_hex(self.signature, length=65))


async def sign_card(card: CalibrationCard, signer: Signer, chain_id: int) -> CalibrationCard:
    """The same card with the signer's signature."""
    signature = await signer.sign_typed_data(card.to_sign(chain_id))
    return card.model_copy(update={"signature": "0x" + signature.hex()})


def card_from(worlds: list[MeasuredWorld], *, software: str, issued_at: int) -> CalibrationCard:
    """The unsigned card of some measured worlds, with every method that pays anybody in one."""
    names = sorted({name for world in worlds for name in world.methods})
    methods = []
    for name in names:
        seen = tuple(
            _world_figures(each, each.methods[name]) for each in worlds if name in each.methods
        )
        methods.append(MethodCard(method=name, worlds=seen, confidence=confidence_from(seen)))
    return CalibrationCard(software=software, issued_at=issued_at, methods=tuple(methods))


def confidence_from(worlds: tuple[WorldFigures, ...]) -> int:
    """The least lower end of `paid_rightly` over the worlds, parts per 10^8; 0 where there is none.

    A world in which a method pays nobody says nothing about what it pays elsewhere.
    """
    lows = [each.figures["paid_rightly"].low for each in worlds if "paid_rightly" in each.figures]
    return max(0, min(min(lows, default=0) * (PARTS // MILLION), PARTS))


def read_card(path: Path) -> CalibrationCard:
    """Read a card's file.

    Raises:
        InvalidInputError: it can't be read, is too large, or holds no calibration card.
    """
    try:
        return CalibrationCard.model_validate_json(read_file(path, MOST_BYTES))
    except OSError as exc:
        raise InvalidInputError(f"The file {path} can't be read: {exc.strerror}.") from exc
    except (ValidationError, HeadwaterError) as exc:
        said = exc.errors()[0]["msg"] if isinstance(exc, ValidationError) else str(exc)
        raise InvalidInputError(
            f"The file {path} is not a calibration card: {said.rstrip('.')}."
        ) from exc


def _world_figures(world: MeasuredWorld, figures: Mapping[str, Estimate]) -> WorldFigures:
    return WorldFigures(
        world=world.world,
        seeds=world.seeds,
        retrainings=world.retrainings,
        figures={n: _interval(each) for n, each in sorted(figures.items()) if n != "seconds"},
    )


def _interval(estimate: Estimate) -> Interval:
    value, low, high = (
        round(each * MILLION) for each in (estimate.value, estimate.low, estimate.high)
    )
    return Interval(value=value, low=low, high=high)
