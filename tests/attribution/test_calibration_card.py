"""The calibration card: what it says follows from its figures, and who said it can be checked."""

import json
from pathlib import Path

import anyio
import coincurve
import pytest
from pydantic import ValidationError

from headwater_attribution.calibration.card import (
    CalibrationCard,
    card_from,
    read_card,
    sign_card,
)
from headwater_attribution.calibration.measured import MeasuredWorld
from headwater_attribution.calibration.metrics import Estimate
from headwater_attribution.errors import UnknownMethodError
from headwater_payments.address import Address
from headwater_payments.eip712 import TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.signing import address_of_key, sign_with_key

CHAIN = 84_532


class Key:
    """A signer for tests."""

    def __init__(self) -> None:
        self._key = coincurve.PrivateKey(b"\x07" * 32)

    @property
    def address(self) -> Address:
        return address_of_key(self._key)

    async def sign_typed_data(self, typed: TypedData) -> bytes:
        return sign_with_key(self._key, typed)


def world(name: str, **rightly: float) -> MeasuredWorld:
    methods = {
        method: {
            "lds": Estimate(0.5, 0.4, 0.6),
            "seconds": Estimate(1.0, 0.9, 1.1),
            "paid_rightly": Estimate(value, value - 0.05, value + 0.05),
        }
        for method, value in rightly.items()
    }
    return MeasuredWorld(name, 3, 64, methods, {})


def card() -> CalibrationCard:
    worlds = [world("mixed", one=0.8, other=0.3), world("digits", one=0.7)]
    return card_from(worlds, software="headwater test", issued_at=5)


def test_confidence_is_the_least_lower_end_over_the_worlds() -> None:
    assert card().confidence("one") == 65_000_000
    assert card().confidence("other") == 25_000_000
    with pytest.raises(UnknownMethodError, match="says nothing about the method third"):
        card().confidence("third")


def test_a_method_that_never_pays_has_no_confidence_and_one_that_abstains_keeps_its_own() -> None:
    silent = MeasuredWorld("paraphrase", 3, 64, {"one": {"lds": Estimate(0, 0, 0)}}, {})
    assert card_from([silent], software="x", issued_at=1).confidence("one") == 0
    both = card_from([silent, world("mixed", one=0.8)], software="x", issued_at=1)
    assert both.confidence("one") == 75_000_000


def test_a_card_is_the_same_bytes_whoever_measures_and_says_nothing_of_speed() -> None:
    assert card().hash() == card().hash()
    assert b"seconds" not in card().canonical()
    again = CalibrationCard.model_validate_json(card().model_dump_json())
    assert again.hash() == card().hash()


def test_the_signature_covers_every_member() -> None:
    signed = anyio.run(sign_card, card(), Key(), CHAIN)
    assert signed.signed_by(CHAIN) == Key().address
    assert signed.signed_by(1) != Key().address
    body = json.loads(signed.model_dump_json())
    changes = [
        ("issued_at", lambda b: b.update(issued_at=6)),
        ("software", lambda b: b.update(software="other")),
        ("seeds", lambda b: b["methods"][0]["worlds"][0].update(seeds=30)),
        ("a figure", lambda b: b["methods"][0]["worlds"][0]["figures"]["lds"].update(value=1)),
    ]
    for _, change in changes:
        altered = json.loads(json.dumps(body))
        change(altered)
        assert CalibrationCard.model_validate(altered).signed_by(CHAIN) != Key().address
    with pytest.raises(InvalidInputError, match="not signed"):
        card().signed_by(CHAIN)


def test_a_confidence_that_does_not_follow_from_the_figures_is_refused() -> None:
    body = json.loads(card().model_dump_json())
    body["methods"][0]["confidence"] += 1
    with pytest.raises(ValidationError, match="does not follow"):
        CalibrationCard.model_validate(body)
    twice = json.loads(card().model_dump_json())
    twice["methods"].append(twice["methods"][0])
    with pytest.raises(ValidationError, match="once each"):
        CalibrationCard.model_validate(twice)


def test_a_file_that_is_no_card_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(card().model_dump_json(), "utf-8")
    assert read_card(path).hash() == card().hash()
    path.write_text("{}", "utf-8")
    with pytest.raises(InvalidInputError, match="not a calibration card"):
        read_card(path)
    with pytest.raises(InvalidInputError, match="can't be read"):
        read_card(tmp_path / "none.json")
