"""The epoch bundle: one JSON document from which anybody recomputes every entitlement of an epoch.

Hashes and addresses are `0x` text; atomic units are decimal strings, since JSON readers round large
numbers. The document is strict: unknown members are refused.
"""

from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from headwater_attribution.admission.priority import RoundPart
from headwater_attribution.attribution import Attribution
from headwater_attribution.audit_documents import AuditDocument
from headwater_attribution.calibration.card import CalibrationCard
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.documents import AddressText, Strict, Word
from headwater_attribution.entitlement import Entitlement, VaultDomain
from headwater_attribution.evidence import Evidence
from headwater_attribution.influence.committed import CommittedInfluence
from headwater_attribution.sumtree import SumNode
from headwater_payments.address import parse_address
from headwater_payments.hexadecimal import parse_hex
from headwater_payments.split import PARTS

Atomic = Annotated[int, Field(ge=0, lt=2**128), PlainSerializer(str, when_used="json")]


class VaultPart(Strict):
    """Which vault the entitlements are for."""

    chain_id: int = Field(ge=0, lt=2**256)
    vault: AddressText
    token: AddressText

    def domain(self) -> VaultDomain:
        """The same as the entitlement tree takes it."""
        return VaultDomain(self.chain_id, parse_address(self.vault), parse_address(self.token))


class NamedPart(Strict):
    """A method or rule by id, with the parameters it ran with."""

    id: str
    parameters: dict[str, int]


class RowPart(Strict):
    """A row of the corpus."""

    contribution_id: int
    contributor: AddressText
    licence_id: str
    sequence: int = Field(ge=0, lt=2**64)
    text: str


class CorpusPart(Strict):
    """The datanet version that answers were drawn from, whole."""

    datanet_id: int
    version: int
    root: Word
    rows: tuple[RowPart, ...]

    def corpus(self) -> Corpus:
        """The corpus, built anew from the rows."""
        return Corpus(
            self.datanet_id,
            self.version,
            [
                CorpusRow(
                    row.contribution_id,
                    parse_address(row.contributor),
                    row.licence_id,
                    row.sequence,
                    row.text,
                )
                for row in self.rows
            ],
        )


class PreviousPart(Strict):
    """The last final root: what each position had earned by then, and the depth of its tree."""

    depth: int = Field(default=0, ge=0, le=32)
    accounts: tuple[AddressText, ...] = ()
    cumulative: tuple[Atomic, ...] = ()


class ReceiptPart(Strict):
    """A metering receipt's charge with its evidence and the attribution claimed for it."""

    receipt_id: Word
    charge: Atomic
    evidence: Evidence
    attribution: Attribution


class NodePart(Strict):
    """A neighbour in a proof."""

    hash: Word
    sum: Atomic


class LeafPart(Strict):
    """One entitlement with its proof."""

    position: int = Field(ge=0, lt=2**32)
    account: AddressText
    cumulative: Atomic
    detail_root: Word
    proof: tuple[NodePart, ...]

    def entitlement(self) -> Entitlement:
        """The leaf as the tree takes it."""
        return Entitlement(
            self.position,
            parse_address(self.account),
            self.cumulative,
            parse_hex(self.detail_root, length=32),
        )

    def sum_proof(self) -> tuple[SumNode, ...]:
        """The proof as the tree takes it."""
        return tuple(SumNode(parse_hex(node.hash, length=32), node.sum) for node in self.proof)


class InfluencePart(Strict):
    """The influence vectors of the adapter that answered."""

    adapter: Word
    directions: Word
    contributions: tuple[int, ...]
    coordinates: tuple[tuple[int, ...], ...]
    held_out: tuple[int, ...] = ()

    def committed(self) -> CommittedInfluence:
        """The vectors as methods take them."""
        return CommittedInfluence(
            self.adapter, self.directions, self.contributions, self.coordinates, self.held_out
        )


class EpochBundle(Strict):
    """Inputs and results of one epoch of one vault.

    Attributes:
        contributors_share: the part of each gross charge that contributors get, parts per 10^8.
        receipts_root: commits to receipt ids, charges and evidence, in the order of ids.
        unattributed: what this epoch's receipts left in the pool.
        influence: the vectors that the method needs, where it does.
        calibration: the card that the rule's confidence and the method's weights come from.
        rounds: of admission, from the first on, with the seals that give the corpus its order; none
            where the order is the word of whoever made the version.
        audits: that the confirmed parts of a method held against audits come from.
    """

    format: Literal["headwater/epoch/1"] = "headwater/epoch/1"
    epoch: int = Field(ge=1)
    vault: VaultPart
    contributors_share: int = Field(ge=0, le=PARTS)
    method: NamedPart
    rule: NamedPart
    corpus: CorpusPart
    previous: PreviousPart
    receipts: tuple[ReceiptPart, ...]
    receipts_root: Word
    leaves: tuple[LeafPart, ...]
    root: Word
    sum: Atomic
    depth: int = Field(ge=0, le=32)
    unattributed: Atomic
    influence: InfluencePart | None = None
    calibration: CalibrationCard | None = None
    rounds: tuple[RoundPart, ...] = ()
    audits: tuple[AuditDocument, ...] = ()
