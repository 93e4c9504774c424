"""JSON from others: what is read, and what is refused without harm."""

import subprocess
import sys

import pytest

from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json
from headwater_payments.x402 import PaymentPayload
from support.commands import FOLDERS


def test_ordinary_json_is_read_as_it_is() -> None:
    assert read_json('{"a": [1, 2.5, "é", null, true]}') == {"a": [1, 2.5, "é", None, True]}
    assert read_json(b"12345678901234567890123456789") == 12345678901234567890123456789


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nothing",
        "NaN",
        "-Infinity",
        "1e400",
        '{"deep": [{"price": -1e999}]}',
        '"\\ud800"',
        b'"\xff"',
        "9" * 5_000,
        "[" * 300 + "]" * 300,
        "[" * 1_000_000,
        '{"a":' * 100_000,
    ],
    ids=lambda text: str(text)[:12],
)
def test_what_is_no_json_to_keep_is_refused_in_a_sentence(text: str | bytes) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_json(text, "The body")
    assert refused.value.message.startswith("The body is not JSON")


def test_brackets_do_not_end_a_process_whose_recursion_limit_others_have_raised() -> None:
    code = (
        "import sys; sys.setrecursionlimit(10**6)\n"
        "from headwater_payments.json_text import read_json\n"
        "try: read_json(sys.stdin.buffer.read())\n"
        "except Exception as error: print(error.code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=b"[" * 2_000_000,
        capture_output=True,
        check=False,
        env={"PYTHONPATH": FOLDERS},
    )
    assert (done.returncode, done.stdout) == (0, b"invalid_input\n")


@pytest.mark.parametrize("header", ["é", "\xff\xfe", "ZZ", "e30=\x00", "W1tb", "\ud800", " "])
def test_a_header_of_any_letters_is_malformed_input_and_no_more(header: str) -> None:
    with pytest.raises(InvalidInputError):
        PaymentPayload.from_header(header)
