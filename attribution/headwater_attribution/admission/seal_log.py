"""The log of one round's seals, which fixes the order in which contributions are judged.

A round has two parts. While it takes seals, nobody shows rows. It ends with the log: all seals in
the order they came, signed by the datanet's desk. Then rows are shown, in any order and by
anybody, and judged in the log's. What was not sealed by then comes after all that was.

Each contributor is given its place, signed, as soon as its seal is taken. A place commits to all
places before it, so a desk that puts a seal in between afterwards, or leaves one out, has signed
two things that contradict each other, and whoever was given a place can show both.

Seals on chain have their order from their blocks (`CommittedOnChain`), and nobody has to be asked.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from headwater_attribution.documents import AddressText, SignatureText, SignedDocument, Strict, Word
from headwater_payments.address import Address
from headwater_payments.eip712 import Domain, Struct, TypedData
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.signing import Signer, recover

FIRST_ROUND = "0x" + "00" * 32
"""What stands for the log before the first."""


@dataclass(frozen=True, slots=True)
class SealsDigest(Struct):
    """What a desk signs: a place it gave, or a whole log."""

    solidity = (
        ("datanetId", "uint256"),
        ("round", "uint64"),
        ("seals", "uint64"),
        ("documentHash", "bytes32"),
    )
    type_name = "Seals"
    datanet_id: int
    round: int
    seals: int
    document_hash: bytes


class CommittedOnChain(Strict):
    """Where seals were committed.

    Attributes:
        chain_id: the chain.
        contract: its `RowCommitments`.
        opened: the last block whose seals belong to the round.
        blocks: of each seal, in the log's order.
    """

    chain_id: int = Field(ge=0, lt=2**256)
    contract: AddressText
    opened: int = Field(ge=0, lt=2**64)
    blocks: tuple[int, ...]


class SignedPlace(SignedDocument):
    """What a contributor is given for its seal.

    Attributes:
        datanet_id: the datanet.
        round: counted from 1.
        place: counted from 0.
        seal: what was taken.
        head: the hash over all seals up to this one (`SealLog.heads`).
        signature: the desk's.
    """

    format: Literal["headwater/place/1"] = "headwater/place/1"
    datanet_id: int = Field(ge=0, lt=2**256)
    round: int = Field(ge=1, lt=2**64)
    place: int = Field(ge=0, lt=2**64)
    seal: Word
    head: Word
    signature: SignatureText = ""

    def to_sign(self, chain_id: int) -> TypedData:
        """The document in the form that a `Signer` takes."""
        hashed = hashlib.sha256(b"headwater/place/1\n" + self.canonical()).digest()
        return _typed(chain_id, self.datanet_id, self.round, self.place + 1, hashed)

    def signed_by(self, chain_id: int) -> Address:
        """The account that signed it.

        Raises:
            InvalidInputError: it is not signed, or the signature fits no key.
        """
        return _signer(self.to_sign(chain_id), self.signature, "place")


class SealLog(SignedDocument):
    """All seals of one round, in order.

    Attributes:
        datanet_id: the datanet.
        round: counted from 1.
        before: the hash of the log of the round before, or `FIRST_ROUND`.
        seals: each once; its index is its place.
        chain: where they were committed; None where the desk gave the places.
        signature: the desk's.

    Raises:
        ValidationError: also where a seal stands twice, or blocks are not in order.
    """

    format: Literal["headwater/seals/1"] = "headwater/seals/1"
    datanet_id: int = Field(ge=0, lt=2**256)
    round: int = Field(ge=1, lt=2**64)
    before: Word = FIRST_ROUND
    seals: tuple[Word, ...]
    chain: CommittedOnChain | None = None
    signature: SignatureText = ""

    def model_post_init(self, context: object, /) -> None:
        """Hold the seals against each other and against their blocks."""
        if len(set(self.seals)) != len(self.seals):
            raise ValueError("a seal has one place")
        blocks = () if self.chain is None else (*self.chain.blocks, self.chain.opened)
        if blocks and len(blocks) != len(self.seals) + 1:
            raise ValueError("each seal has a block")
        if list(blocks) != sorted(blocks):
            raise ValueError("seals stand in the order of their blocks, up to the last one's")

    def hash(self) -> bytes:
        """SHA-256 of a tag and the canonical bytes: 32 bytes."""
        return hashlib.sha256(b"headwater/seals/1\n" + self.canonical()).digest()

    def heads(self) -> list[str]:
        """For each place `0x` and the hash over all seals up to it, datanet and round included."""
        start = f"{self.datanet_id} {self.round} {self.before}"
        head = hashlib.sha256(b"headwater/seal-heads/1\n" + start.encode()).digest()
        found = []
        for each in self.seals:
            head = hashlib.sha256(head + parse_hex(each, length=32)).digest()
            found.append(to_hex(head))
        return found

    def with_seal(self, seal: bytes) -> "SealLog":
        """The same round with one seal more; the same log where it has its place already."""
        if to_hex(seal) in self.seals:
            return self
        return self.model_copy(update={"seals": (*self.seals, to_hex(seal)), "signature": ""})

    def place(self, seal: bytes) -> int | None:
        """The place of a seal, or None where it isn't here."""
        return self.seals.index(to_hex(seal)) if to_hex(seal) in self.seals else None

    def to_sign(self, chain_id: int) -> TypedData:
        """The document in the form that a `Signer` takes."""
        return _typed(chain_id, self.datanet_id, self.round, len(self.seals), self.hash())

    def signed_by(self, chain_id: int) -> Address:
        """The account that signed it.

        Raises:
            InvalidInputError: it is not signed, or the signature fits no key.
        """
        return _signer(self.to_sign(chain_id), self.signature, "log of seals")


async def sign_log(log: SealLog, signer: Signer, chain_id: int) -> SealLog:
    """The same log with the signer's signature: from here on rows may be shown."""
    signature = await signer.sign_typed_data(log.to_sign(chain_id))
    return log.model_copy(update={"signature": to_hex(signature)})


async def sign_place(log: SealLog, place: int, signer: Signer, chain_id: int) -> SignedPlace:
    """What the contributor of a seal is given, signed.

    Raises:
        InvalidInputError: the log has no such place.
    """
    if not 0 <= place < len(log.seals):
        raise InvalidInputError(f"Round {log.round} has no place {place}.")
    given = SignedPlace(
        datanet_id=log.datanet_id,
        round=log.round,
        place=place,
        seal=log.seals[place],
        head=log.heads()[place],
    )
    signature = await signer.sign_typed_data(given.to_sign(chain_id))
    return given.model_copy(update={"signature": to_hex(signature)})


def contradicts(place: SignedPlace, log: SealLog, chain_id: int) -> bool:
    """Whether one desk signed a place and a log that can't both be true.

    Raises:
        InvalidInputError: one of them is not signed, or their signers, datanets or rounds differ:
            nothing follows from that.
    """
    by = (place.signed_by(chain_id), log.signed_by(chain_id))
    if by[0] != by[1] or (place.datanet_id, place.round) != (log.datanet_id, log.round):
        raise InvalidInputError("The place and the log are of two desks, datanets or rounds.")
    heads = log.heads()
    return place.place >= len(heads) or heads[place.place] != place.head


def _typed(chain_id: int, datanet_id: int, number: int, seals: int, hashed: bytes) -> TypedData:
    digest = SealsDigest(datanet_id, number, seals, hashed)
    return TypedData(Domain("Headwater Admission", "1", chain_id, None), digest)


def _signer(typed: TypedData, signature: str, what: str) -> Address:
    if not signature:
        raise InvalidInputError(f"The {what} is not signed.")
    return recover(typed, parse_hex(signature, length=65))
