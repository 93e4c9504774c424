"""What the documents that are published and signed have in common: bundles, receipts, cards.

Their models refuse what they don't know and never change, and hexadecimal text is held in lower
case, so that equal documents have equal bytes.
"""

import json
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from headwater_payments.address import parse_address
from headwater_payments.hexadecimal import parse_hex


class Strict(BaseModel):
    """A document, or a part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SignedDocument(Strict):
    """A document with a `signature` over the hash of everything else."""

    def canonical(self) -> bytes:
        """The bytes that are hashed: sorted keys, no spaces, without the signature."""
        body = self.model_dump(mode="json", exclude={"signature"})
        return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def _word(text: str) -> str:
    parse_hex(text, length=32)
    return text.lower()


def _signature(text: str) -> str:
    if text:
        parse_hex(text, length=65)
    return text.lower()


AddressText = Annotated[str, AfterValidator(parse_address)]
"""An account, in its checksummed spelling."""
Word = Annotated[str, AfterValidator(_word)]
"""32 bytes."""
SignatureText = Annotated[str, AfterValidator(_signature)]
"""65 bytes, or nothing while it is not signed."""
