"""Whatever stands in a bundle, it is judged or refused; what is changed in it is never verified."""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attribution.small_epoch import small_epoch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from headwater_attribution.bundle import EpochBundle
from headwater_attribution.cli import app
from headwater_attribution.verify import verify_bundle
from headwater_payments.errors import HeadwaterError

Json = Any
Place = tuple[str | int, ...]
FIRST, VALID = (json.loads(small_epoch(n).model_dump_json()) for n in (1, 2))
HOSTILE: list[Json] = [
    *(None, True, 0, 1, -1, 2, 7, 1.5, 2**31, 2**63, 2**64, 10**40, 10**400),
    *("", "0", "-1", "9" * 77, "1e400", "\u00e9\u202e\x00", "0x", "0x" + "00" * 20),
    *("0x" + "ff" * 32, [], {}, [[]], [None]),
]

# Inputs that no result of this small epoch depends on, so that changing them changes no payout:
# numbers of the rule and the methods between thresholds, ids of rows that nobody cited.
WITHOUT_EFFECT = {
    "rule.parameters",
    "rule.parameters.shrinkage",
    "rule.parameters.cap",
    "rule.parameters.confidence",
    # Left out, they are what they are here: nothing.
    "influence",
    "calibration",
    "receipts.*.evidence.influence",
    "method.parameters.retrieval-loo/3.prompt_window",
    "method.parameters.retrieval-loo/3.weight",
    "method.parameters.span-match/2.window",
    "method.parameters.span-match/2.rare",
    "method.parameters.span-match/2.sure",
    "method.parameters.span-match/2.weight",
    "corpus.rows.*.contribution_id",
    # Nothing in the bundle commits to these: `previous` does.
    "epoch",
    "previous.depth",
}


def places(value: Json, here: Place = ()) -> Iterator[Place]:
    """Every place in a document, the whole of it first."""
    yield here
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield from places(value[key], (*here, key))


def changed(value: Json, place: Place, put: Json, *, remove: bool = False) -> Json:
    """A copy with one place replaced or taken out."""
    if not place:
        return put
    result = copy.copy(value)
    if remove and len(place) == 1:
        del result[place[0]]
    else:
        result[place[0]] = changed(value[place[0]], place[1:], put, remove=remove)
    return result


def name(place: Place) -> str:
    return ".".join("*" if isinstance(key, int) else key for key in place)


def judged(document: Json) -> str:
    """How it ends: `holds`, `faults`, or `refused` in one sentence with a code."""
    try:
        bundle = EpochBundle.model_validate_json(json.dumps(document))
        verdict = verify_bundle(bundle)
    except (ValidationError, HeadwaterError):
        return "refused"
    same = json.loads(bundle.model_dump_json()) == VALID
    if verdict.holds:
        return "same" if same else "holds"
    said = [*verdict.faults, *(leaf.fault for leaf in verdict.leaves if leaf.fault)]
    assert all(said)
    return "faults"


def test_the_bundle_itself_holds() -> None:
    assert judged(VALID) == "same"
    assert verify_bundle(EpochBundle.model_validate(FIRST)).holds


def test_no_value_in_any_place_breaks_the_judge_or_passes_it() -> None:
    ends: Counter[str] = Counter()
    for place in list(places(VALID))[1:]:
        removed = changed(VALID, place, None, remove=True)
        for document in (removed, *(changed(VALID, place, put) for put in HOSTILE)):
            end = judged(document)
            ends[end] += 1
            assert end != "holds" or name(place) in WITHOUT_EFFECT, (place, document)
    assert ends["faults"] > 300
    assert ends["refused"] > 1_000


values = st.sampled_from(HOSTILE) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 10**6), values), min_size=1, max_size=3))
def test_several_changes_at_once_are_judged_or_refused_too(changes: list[tuple[int, Json]]) -> None:
    document, touched = VALID, set()
    for number, put in changes:
        known = list(places(document))
        place = known[number % len(known)]
        touched.add(name(place))
        document = changed(document, place, put)
    assert judged(document) != "holds" or touched & WITHOUT_EFFECT


@pytest.mark.parametrize(
    ("place", "put", "named"),
    [
        (("epoch",), 1, "epoch"),
        (("previous", "depth"), 2, "previous depth"),
        (("epoch",), 3, "epoch"),
        (("epoch",), 2**64, "epoch"),
    ],
)
def test_the_bundle_before_pins_the_number_and_the_start(
    place: Place, put: int, named: str
) -> None:
    first = EpochBundle.model_validate(FIRST)
    forged = changed(changed(VALID, ("previous",), _after(first)), place, put)
    bundle = EpochBundle.model_validate(forged)
    faults = verify_bundle(bundle, first).faults
    assert any(fault.startswith(f"The {named} ") for fault in faults), faults


def test_an_epoch_that_follows_from_the_one_before_holds() -> None:
    first = small_epoch(1)
    second = small_epoch(2, after=first)
    assert verify_bundle(second, first).holds
    assert not verify_bundle(second, second).holds


@pytest.mark.parametrize("value", [10**40, -1, 2**63, 100_000_001])
@pytest.mark.parametrize("parameter", ["cap", "shrinkage"])
def test_a_rule_with_impossible_parameters_is_refused_by_name(
    parameter: str, value: int, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(changed(VALID, ("rule", "parameters", parameter), value)), "utf-8")
    result = CliRunner().invoke(app, ["verify", str(path)])
    assert result.exit_code == 2
    assert result.stderr.startswith("error[invalid_input]: ")
    assert parameter in result.stderr


def test_a_leaf_that_stands_twice_is_a_fault() -> None:
    doubled = {**VALID, "leaves": [*VALID["leaves"], VALID["leaves"][0]]}
    assert judged(doubled) == "faults"


def _after(first: EpochBundle) -> Json:
    return {
        "depth": first.depth,
        "accounts": [leaf.account for leaf in first.leaves],
        "cumulative": [str(leaf.cumulative) for leaf in first.leaves],
    }
