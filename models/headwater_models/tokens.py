"""A text's priced tokens: words, number runs and single marks, counted alike by buyer and seller.

No vocabulary file is involved, so both ends of a payment count the same tokens for the same text on
any machine. The pieces of a text joined together are that text again; one piece is one token, and
it is also the unit in which answers are streamed and in which evidence points into an answer.
"""

import re

MAX_PIECE_CHARS = 16
"""A longer run of letters or digits counts as several tokens, so that glued text is not cheaper."""

_PIECE = re.compile(
    rf"\s*(?:[^\W\d_]{{1,{MAX_PIECE_CHARS}}}|\d{{1,{MAX_PIECE_CHARS}}}|[^\w\s]|_)|\s+\Z"
)


def pieces(text: str) -> list[str]:
    """Cut a text into its tokens, each with the white space before it.

    A token is a run of up to `MAX_PIECE_CHARS` letters, a run of up to `MAX_PIECE_CHARS` digits,
    one underscore, or one other mark. White space that ends the text is a token of its own.
    `"".join(pieces(text)) == text` for every text.
    """
    return _PIECE.findall(text)


def count_tokens(text: str) -> int:
    """How many tokens a text is charged for; 0 for the empty text."""
    return len(pieces(text))


class TokenMeter:
    """Counts the tokens of a text that arrives in parts, as `count_tokens` would the whole.

    Only the last piece is kept: a part that follows can lengthen that one and none before it.
    """

    __slots__ = ("_settled", "_tail")

    def __init__(self) -> None:
        self._settled = 0
        self._tail = ""

    def add(self, text: str) -> int:
        """Take in the next part and return the tokens counted so far."""
        found = pieces(self._tail + text)
        if found:
            self._settled += len(found) - 1
            self._tail = found[-1]
        return self.total

    @property
    def total(self) -> int:
        """The tokens of everything added so far."""
        return self._settled + bool(self._tail)
