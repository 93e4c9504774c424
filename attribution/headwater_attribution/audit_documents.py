"""Audits as signed documents: what was asked, what is true, and what was said without each cause.

A document holds texts, and no figures: an answer's evidence, what a right answer says, and what was
answered with each contribution taken out. Whoever has it works out by itself what a method credits,
how far that agrees with the truth, and so which part of each contribution's credit is confirmed.
That the texts are what a model answers is the auditor's word, as evidence is the backend's: asking
again shows it. What is true remains the auditor's judgement, and carries its signature.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from headwater_attribution.attribution import Attribution
from headwater_attribution.audits import AuditedShare, agreement, confirmed_parts
from headwater_attribution.documents import SignatureText, SignedDocument, Strict
from headwater_attribution.errors import EvidenceMismatchError
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.audited import Audited
from headwater_payments.address import Address
from headwater_payments.eip712 import Domain, Struct, TypedData
from headwater_payments.errors import HeadwaterError, InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.signing import Signer, recover


@dataclass(frozen=True, slots=True)
class AuditDigest(Struct):
    """What an auditor signs: the hash of all of it."""

    solidity = (("auditHash", "bytes32"),)
    type_name = "Audit"
    audit_hash: bytes


class Retried(Strict):
    """What is answered to the same question without one contribution.

    Attributes:
        contribution_id: which.
        without: the answer without it and all rows that follow it or repeat it.
        alone: the answer without it only, so that whom it keeps out may speak.
    """

    contribution_id: int
    without: str
    alone: str


class AuditDocument(SignedDocument):
    """The audit of one answer.

    Attributes:
        evidence: of the answer.
        truth: what a right answer says.
        retried: for each contribution that the answer quotes or is credited to, by its id.
        signature: the auditor's, empty until it is signed.

    Raises:
        ValidationError: also where contributions don't stand once each, by their ids.
    """

    format: Literal["headwater/audit/1"] = "headwater/audit/1"
    evidence: Evidence
    truth: str
    retried: tuple[Retried, ...]
    signature: SignatureText = ""

    def model_post_init(self, context: object, /) -> None:
        """Hold the order of contributions."""
        ids = [each.contribution_id for each in self.retried]
        if ids != sorted(set(ids)):
            raise ValueError("contributions stand once each, by their ids")

    def hash(self) -> bytes:
        """SHA-256 of a tag and the canonical bytes: 32 bytes."""
        return hashlib.sha256(b"headwater/audit/1\n" + self.canonical()).digest()

    def to_sign(self, chain_id: int) -> TypedData:
        """The audit in the form that a `Signer` takes."""
        return TypedData(
            Domain("Headwater Attribution", "1", chain_id, None), AuditDigest(self.hash())
        )

    def signed_by(self, chain_id: int) -> Address:
        """The account that signed the audit.

        Raises:
            InvalidInputError: it is not signed, or the signature fits no key.
        """
        if not self.signature:
            raise InvalidInputError("The audit is not signed.")
        return recover(self.to_sign(chain_id), parse_hex(self.signature, length=65))

    def shares(self, credited: Attribution) -> list[AuditedShare]:
        """What the audit shows of each contribution.

        Args:
            credited: what a method makes of the audit's evidence.

        Raises:
            EvidenceMismatchError: the audit leaves out a contribution that it has to hold.
        """
        claimed = {share.contribution_id: share.parts for share in credited.shares if share.parts}
        wanted = claimed.keys() | quoted(self.evidence)
        there = {each.contribution_id for each in self.retried}
        if wanted != there:
            other = ", ".join(map(str, sorted(wanted ^ there)))
            raise EvidenceMismatchError(
                "An audit holds the contributions that its answer quotes or is credited to, and "
                f"differs in contribution {other}."
            )
        says = agreement(self.evidence.answer, self.truth)
        return [
            AuditedShare(
                each.contribution_id,
                claimed.get(each.contribution_id, 0),
                says,
                agreement(each.without, self.truth),
                agreement(each.alone, self.truth),
            )
            for each in self.retried
        ]


def quoted(evidence: Evidence) -> set[int]:
    """The contributions that an answer quotes; one that earns nothing may keep a better one out."""
    return {passage.contribution_id for passage in evidence.passages if passage.spans}


async def sign_audit(audit: AuditDocument, signer: Signer, chain_id: int) -> AuditDocument:
    """The same audit with the signer's signature."""
    signature = await signer.sign_typed_data(audit.to_sign(chain_id))
    return audit.model_copy(update={"signature": to_hex(signature)})


def audited_faults(
    method: Audited, audits: Sequence[AuditDocument], chain_id: int, auditors: Iterable[Address]
) -> list[str]:
    """Where the confirmed parts that a method pays by don't follow from audits; a sentence each.

    Args:
        method: as a bundle names it, over the version that the audits are of.
        audits: all that the parts were worked out from.
        chain_id: of the signatures.
        auditors: who may have signed; anybody where there are none.
    """
    allowed = set(auditors)
    faults: list[str] = []
    shown: list[AuditedShare] = []
    for number, audit in enumerate(audits):
        try:
            by = audit.signed_by(chain_id)
            shown += audit.shares(method.method.attribute(audit.evidence))
        except HeadwaterError as error:
            faults.append(f"Audit {number}: {error.message}")
            continue
        if allowed and by not in allowed:
            faults.append(f"Audit {number} is signed by {by}, who is no auditor here.")
    found = confirmed_parts(shown)
    stated = method.confirmed
    hashes = [audit.hash() for audit in audits]
    if len(set(hashes)) != len(hashes):
        faults.append("An audit stands twice.")
    return faults + [
        f"Of contribution {each} the method pays {stated.get(each, 0)} parts, and the audits "
        f"confirm {found.get(each, 0)}."
        for each in sorted(stated.keys() | found.keys())
        if stated.get(each, 0) != found.get(each, 0)
    ]


def case_evidence(contribution_id: int, audits: Iterable[AuditDocument]) -> bytes:
    """What to accuse a contribution by: SHA-256 over the hashes of all audits that name it.

    `ContributionBond.accuse` takes it as `evidence_hash`, and the audits are published beside it.

    Raises:
        InvalidInputError: no audit names it.
    """
    named = sorted(
        audit.hash()
        for audit in audits
        if any(each.contribution_id == contribution_id for each in audit.retried)
    )
    if not named:
        raise InvalidInputError(f"No audit names contribution {contribution_id}.")
    return hashlib.sha256(b"headwater/case/1\n" + b"".join(named)).digest()
