"""Consent: a contributor signs each contribution under a datanet's terms, and may withdraw.

The consent names the rows by their hash, so nobody hands in rows in another's name, and the terms
by theirs, so nobody is held to terms that were changed. A withdrawal covers all contributions of
one contributor up to a round: what is judged in that round is refused, and versions from then on
leave the earlier rows out. Models that were trained on earlier versions keep paying for them.

Both are documents of their own. They travel inside the contribution, so the hash of what was judged
covers them, and whoever judges again needs nothing else.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from pydantic import Field, ValidationError

from headwater_attribution.admission.verdict import Contribution
from headwater_attribution.documents import AddressText, SignatureText, SignedDocument, Word
from headwater_payments.address import Address
from headwater_payments.eip712 import Domain, Struct, TypedData
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.json_text import read_json
from headwater_payments.signing import Signer, recover

CONSENT: Final = "consent/1"
"""The rule's id."""

_Document = TypeVar("_Document", "Consent", "Withdrawal")


@dataclass(frozen=True, slots=True)
class ConsentDigest(Struct):
    """What a contributor signs about rows handed in."""

    solidity = (("datanetId", "uint256"), ("terms", "bytes32"), ("rows", "bytes32"))
    type_name = "ContributionConsent"
    datanet_id: int
    terms: bytes
    rows: bytes


@dataclass(frozen=True, slots=True)
class WithdrawalDigest(Struct):
    """What a contributor signs to take consent back."""

    solidity = (("datanetId", "uint256"), ("untilRound", "uint256"))
    type_name = "ConsentWithdrawal"
    datanet_id: int
    until_round: int


class Consent(SignedDocument):
    """A contributor's consent to one contribution.

    Attributes:
        datanet_id: where it may enter.
        terms: SHA-256 of the terms it is handed in under.
        rows: `rows_hash` of the contribution.
        signature: the contributor's.
    """

    format: Literal["headwater/consent/1"] = "headwater/consent/1"
    datanet_id: int = Field(ge=0, lt=2**256)
    terms: Word
    rows: Word
    signature: SignatureText = ""

    def to_sign(self, chain_id: int) -> TypedData:
        """The document in the form that a `Signer` takes."""
        terms, rows = (parse_hex(each, length=32) for each in (self.terms, self.rows))
        return TypedData(_domain(chain_id), ConsentDigest(self.datanet_id, terms, rows))


class Withdrawal(SignedDocument):
    """A contributor takes back the consent to all contributions up to a round.

    Attributes:
        datanet_id: of the datanet.
        until_round: the last round it covers.
        contributor: whose contributions.
        signature: the contributor's.
    """

    format: Literal["headwater/withdrawal/1"] = "headwater/withdrawal/1"
    datanet_id: int = Field(ge=0, lt=2**256)
    until_round: int = Field(ge=1, lt=2**63)
    contributor: AddressText
    signature: SignatureText = ""

    def to_sign(self, chain_id: int) -> TypedData:
        """The document in the form that a `Signer` takes."""
        return TypedData(_domain(chain_id), WithdrawalDigest(self.datanet_id, self.until_round))

    def holds(self, datanet_id: int, chain_id: int) -> bool:
        """Whether it is of this datanet, and signed by the contributor it names."""
        return self.datanet_id == datanet_id and _signer(self, chain_id) == self.contributor


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """What a desk asks consent to.

    Attributes:
        datanet_id: of the datanet.
        chain_id: of signatures.
        terms: `0x` and the SHA-256 of the terms.
    """

    datanet_id: int
    chain_id: int
    terms: str

    def objection(self, contribution: Contribution) -> str | None:
        """Why a contribution may not enter: one sentence that names the evidence, or None."""
        if contribution.withdrawal:
            taken_back = _read(contribution.withdrawal, Withdrawal)
            if taken_back is not None and self._takes_back(taken_back, contribution):
                evidence = _named(taken_back)
                return f"Its contributor withdrew consent up to this round ({evidence})."
        if not contribution.consent:
            return "Its contributor's signed consent to the datanet's terms is missing."
        given = _read(contribution.consent, Consent)
        if given is None:
            return "What is handed in as its consent is no such document."
        evidence = _named(given)
        if given.datanet_id != self.datanet_id or given.terms != self.terms:
            return f"The consent ({evidence}) is to other terms than {self.terms}."
        if given.rows != rows_hash(contribution):
            return f"The consent ({evidence}) is to other rows."
        if _signer(given, self.chain_id) != contribution.contributor:
            return f"The consent ({evidence}) is not signed by {contribution.contributor}."
        return None

    def _takes_back(self, withdrawal: Withdrawal, contribution: Contribution) -> bool:
        mine = withdrawal.contributor == contribution.contributor
        return mine and withdrawal.holds(self.datanet_id, self.chain_id)


def read_withdrawal(text: str) -> Withdrawal:
    """Read a withdrawal from JSON; `holds` says whether its signature does.

    Raises:
        InvalidInputError: it is something else.
    """
    found = _read(text, Withdrawal)
    if found is None:
        raise InvalidInputError("It is no withdrawal of consent.")
    return found


def rows_hash(contribution: Contribution) -> str:
    """`0x` and SHA-256 over contributor, licence, rows, and sources where any are stated.

    The number is given later.
    """
    body: list[object] = [
        contribution.contributor,
        contribution.licence_id,
        list(contribution.rows),
    ]
    if contribution.sources:
        body.append(list(contribution.sources))
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=True)
    return to_hex(hashlib.sha256(f"headwater/consented-rows/1\n{text}".encode()).digest())


async def sign_consent(contribution: Contribution, asked: ConsentTerms, signer: Signer) -> Consent:
    """Consent to a contribution with its contributor's key.

    Raises:
        InvalidInputError: the key is another account's.
        HeadwaterError: the signer refuses.
    """
    _require(signer.address, contribution.contributor)
    plain = Consent(datanet_id=asked.datanet_id, terms=asked.terms, rows=rows_hash(contribution))
    signature = await signer.sign_typed_data(plain.to_sign(asked.chain_id))
    return plain.model_copy(update={"signature": to_hex(signature)})


async def sign_withdrawal(
    datanet_id: int, until_round: int, chain_id: int, signer: Signer
) -> Withdrawal:
    """Take back the consent to the signer's contributions up to a round.

    Raises:
        HeadwaterError: the signer refuses.
    """
    plain = Withdrawal(datanet_id=datanet_id, until_round=until_round, contributor=signer.address)
    signature = await signer.sign_typed_data(plain.to_sign(chain_id))
    return plain.model_copy(update={"signature": to_hex(signature)})


def _require(found: Address, wanted: Address) -> None:
    if found != wanted:
        raise InvalidInputError(f"Consent to rows of {wanted} takes that account's key.")


def _domain(chain_id: int) -> Domain:
    return Domain("Headwater Consent", "1", chain_id, None)


def _signer(document: Consent | Withdrawal, chain_id: int) -> Address | None:
    try:
        return recover(document.to_sign(chain_id), parse_hex(document.signature, length=65))
    except HeadwaterError:
        return None


def _read(text: str, kind: type[_Document]) -> _Document | None:
    try:
        return kind.model_validate(read_json(text))
    except (ValidationError, HeadwaterError, ValueError):
        return None


def _named(document: SignedDocument) -> str:
    return to_hex(hashlib.sha256(document.canonical()).digest())
