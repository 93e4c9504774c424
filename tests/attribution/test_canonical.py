import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_attribution.canonical import canonical_text, words

PLAIN = "return a copy of the sequence"


@pytest.mark.parametrize(
    "edited",
    [
        "Return a copy of the sequence",
        "re\u200bturn a co\u200dpy of the\ufeff sequence",
        "\uff32\uff45\uff54\uff55\uff52\uff4e a copy of the sequence",
        "r\u0435turn \u0430 \u0441\u043e\u0440\u0443 of the s\u0435quence",
        "return \u03b1 c\u03bfpy of the sequence",
        "RETURN \u0410 \u0421\u041e\u0420\u0423 of the sequence",
        "re\u00adturn a co\u0301py of th\u00e9 sequence",
        "return\u00a0a  copy\tof\nthe\u2003sequence ",
        "\U0001d42b\U0001d41e\U0001d42d\U0001d42e\U0001d42b\U0001d427 a copy of the sequence",
        "return a co\u0337p\u0338y of the sequen\ufe0fce",
        "return a copy\u0000 of the sequence",
    ],
    ids=[
        "case",
        "zero-width",
        "full-width",
        "cyrillic",
        "greek",
        "cyrillic capitals",
        "soft hyphen and accents",
        "spaces",
        "mathematical letters",
        "overlays and variation selectors",
        "control",
    ],
)
def test_an_edit_that_no_reader_sees_changes_nothing(edited: str) -> None:
    assert canonical_text(edited) == PLAIN


@pytest.mark.parametrize(
    "edited",
    ["re\u200bturn a copy", "\uff32\uff45turn a copy", "r\u0435turn a copy"],
    ids=["zero-width", "full-width", "homoglyph"],
)
def test_what_composing_and_dropping_controls_would_miss_is_seen(edited: str) -> None:
    composed = unicodedata.normalize("NFC", edited).lower()
    naive = "".join(each for each in composed if unicodedata.category(each) != "Cc")
    assert naive != "return a copy"
    assert canonical_text(edited) == "return a copy"


def test_different_words_stay_different() -> None:
    assert canonical_text("return a copy") != canonical_text("return the copy")
    assert words("Straße 5, os_path") == ["strasse", "5", "os", "path"]


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    once = canonical_text(text)
    assert canonical_text(once) == once


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_agrees_with_the_long_way(text: str) -> None:
    assert canonical_text(text + "\u200b") == canonical_text(text)
