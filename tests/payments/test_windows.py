"""The words of voucher windows: what is advertised, asked for, and taken for a stream."""

import pytest

from headwater_payments.errors import InvalidInputError
from headwater_payments.windows import (
    NeedVoucher,
    asks_for_stream,
    is_low,
    next_cover,
    parse_need_voucher,
    takes_windows,
    window_extension,
    window_terms,
)

ASK = NeedVoucher("pay_1", bytes(32), 100, 200)


def test_a_request_for_a_voucher_reads_as_it_was_written() -> None:
    assert parse_need_voucher(ASK.to_json()) == ASK
    assert ASK.to_event().endswith(b"\n\n")


@pytest.mark.parametrize("wrong", [None, [], {}, {**ASK.to_json(), "required": "-1"}])
def test_a_malformed_request_for_a_voucher_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidInputError):
        parse_need_voucher(wrong)


@pytest.mark.parametrize(
    "changed",
    [{"window": "0"}, {"window": "x"}, {"path": "//elsewhere/"}, {"path": "http://elsewhere/"}],
)
def test_windows_that_make_no_sense_are_none(changed: dict[str, str]) -> None:
    extension = window_extension(50)
    assert window_terms({"voucher-windows": extension}) is not None
    extension["info"].update(changed)
    assert window_terms({"voucher-windows": extension}) is None


def test_a_payment_takes_part_by_saying_so() -> None:
    assert not takes_windows(None)
    assert not takes_windows({"voucher-windows": window_extension(50)})
    assert takes_windows({"voucher-windows": {"info": {"use": True}}})


def test_a_window_never_reaches_above_the_price_and_is_low_at_a_quarter() -> None:
    assert next_cover(100, 100, 1_000) == 200
    assert next_cover(950, 100, 1_000) == 1_000
    assert [is_low(200, due, 100) for due in (0, 174, 175, 200)] == [False, False, True, True]


def test_a_request_asks_for_a_stream_by_its_accept_or_its_body() -> None:
    assert asks_for_stream("text/event-stream", b"")
    assert asks_for_stream("*/*", b'{"stream": true}')
    for body in (
        b"",
        b'{"stream": false}',
        b'["stream"]',
        b'{"a":"\\"stream\\": true"}',
        b'"stream"{',
    ):
        assert not asks_for_stream("*/*", body)
