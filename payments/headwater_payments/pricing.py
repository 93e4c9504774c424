"""What an inference costs: prices per thousand tokens, and the most a request can come to."""

from dataclasses import dataclass

from headwater_payments.errors import InvalidInputError

MAX_TOKENS = 10_000_000


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """A metered price; all members in atomic units of one asset.

    Fractions of a unit are charged as a whole one, so a seller never works for nothing.
    """

    per_thousand_input: int
    per_thousand_output: int
    per_request: int = 0

    def __post_init__(self) -> None:
        if min(self.per_thousand_input, self.per_thousand_output, self.per_request) < 0:
            raise InvalidInputError("A price cannot be negative.")

    def charge(self, input_tokens: int, output_tokens: int) -> int:
        """Atomic units for a request that used these tokens."""
        metered = input_tokens * self.per_thousand_input + output_tokens * self.per_thousand_output
        return self.per_request - (-metered // 1000)

    def ceiling(self, input_tokens: int, max_output_tokens: int) -> int:
        """The most a request can cost: what the buyer's voucher must cover.

        Raises:
            InvalidInputError: a token count is negative or beyond `MAX_TOKENS`.
        """
        for count in (input_tokens, max_output_tokens):
            if not 0 <= count <= MAX_TOKENS:
                raise InvalidInputError(
                    f"A request uses between 0 and {MAX_TOKENS} tokens, not {count}."
                )
        return self.charge(input_tokens, max_output_tokens)
