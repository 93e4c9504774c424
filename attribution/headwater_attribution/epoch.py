"""Closing an epoch: receipts become shares, shares become money, money becomes the vault's tree."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from headwater_attribution.admission.priority import RoundPart
from headwater_attribution.audit_documents import AuditDocument
from headwater_attribution.bundle import (
    CorpusPart,
    EpochBundle,
    InfluencePart,
    LeafPart,
    NamedPart,
    NodePart,
    PreviousPart,
    ReceiptPart,
    RowPart,
    VaultPart,
)
from headwater_attribution.calibration.card import CalibrationCard
from headwater_attribution.corpus import Corpus
from headwater_attribution.entitlement import (
    Entitlement,
    EntitlementTree,
    VaultDomain,
    detail_root,
)
from headwater_attribution.evidence import Evidence
from headwater_attribution.influence.committed import CommittedInfluence
from headwater_attribution.merkle import MerkleTree
from headwater_attribution.methods.protocol import AttributionMethod
from headwater_attribution.receipt import attribute_answer
from headwater_attribution.rules import RewardRule
from headwater_attribution.settlement import Earnings, PaidShares, settle_receipts
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex, to_hex
from headwater_payments.split import portion


@dataclass(frozen=True, slots=True)
class PaidAnswer:
    """One paid request: its metering receipt's id (`0x`, 32 bytes), gross charge and evidence."""

    receipt_id: str
    charge: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a vault's contributors stood at its last final root.

    Attributes:
        accounts: the account of each position, for ever.
        cumulative: what each had earned, atomic units.
        depth: of that root's tree; the next one's is no smaller.
    """

    accounts: tuple[Address, ...] = ()
    cumulative: tuple[int, ...] = ()
    depth: int = 0


def close_epoch(
    epoch: int,
    domain: VaultDomain,
    corpus: Corpus,
    answers: Sequence[PaidAnswer],
    method: AttributionMethod,
    rule: RewardRule,
    *,
    contributors_share: int,
    before: Standing | None = None,
    card: CalibrationCard | None = None,
    committed: CommittedInfluence | None = None,
    rounds: Sequence[RoundPart] = (),
    audits: Sequence[AuditDocument] = (),
) -> EpochBundle:
    """Compute the entitlements after `answers` and everything needed to check them.

    The order of `answers` doesn't matter. The contributors' part of each charge is rounded down, as
    the vault rounds it, so entitlements never exceed the pool.

    Args:
        epoch: its number, from 1.
        domain: the vault.
        corpus: the datanet version that the answers were drawn from.
        answers: the epoch's funded receipts, each once.
        method: over the same corpus.
        rule: one that pays by receipt.
        contributors_share: of each gross charge, parts per 10^8.
        before: the standing at the last final root; nobody earned anything when None.
        card: what the method is worth; the rule then pays no more than the card confirms.
        committed: the influence vectors, where the method needs them.
        rounds: of admission, which show that the corpus stands in the order of its seals.
        audits: of this version, signed, that an `Audited` method's confirmed parts come from.

    Raises:
        EvidenceMismatchError: evidence contradicts the corpus.
        InvalidInputError: a receipt stands twice, a charge is out of range, or the rule doesn't pay
            by receipt.
        UnknownMethodError: the card says nothing about the method.
    """
    standing = before or Standing()
    if card is not None:
        rule = confident(rule, card, method.method_id)
    receipts = [
        ReceiptPart(
            receipt_id=answer.receipt_id,
            charge=answer.charge,
            evidence=answer.evidence,
            attribution=attribute_answer(answer.receipt_id, answer.evidence, method).attribution,
        )
        for answer in sorted(answers, key=lambda answer: answer.receipt_id)
    ]
    earnings = settle(receipts, corpus, rule, contributors_share)
    tree = entitlement_tree(domain, standing, earnings)
    return EpochBundle(
        epoch=epoch,
        vault=VaultPart(chain_id=domain.chain_id, vault=domain.vault, token=domain.token),
        contributors_share=contributors_share,
        method=NamedPart(id=method.method_id, parameters=dict(method.parameters)),
        rule=NamedPart(id=rule.rule_id, parameters=asdict(rule.parameters)),
        corpus=corpus_part(corpus),
        previous=PreviousPart(
            depth=standing.depth, accounts=standing.accounts, cumulative=standing.cumulative
        ),
        receipts=tuple(receipts),
        receipts_root=to_hex(receipts_root(receipts)),
        leaves=tuple(_leaf_part(tree, leaf) for leaf in tree.entitlements.values()),
        root=to_hex(tree.root),
        sum=tree.sum,
        depth=tree.depth,
        unattributed=earnings.unattributed,
        influence=None if committed is None else InfluencePart(**asdict(committed)),
        calibration=card,
        rounds=tuple(rounds),
        audits=tuple(audits),
    )


def confident(rule: RewardRule, card: CalibrationCard, method_id: str) -> RewardRule:
    """The rule with the confidence that a card has in a method.

    Raises:
        UnknownMethodError: the card says nothing about the method.
    """
    parameters = replace(rule.parameters, confidence=card.confidence(method_id))
    return replace(rule, parameters=parameters)


def standing_after(bundle: EpochBundle) -> Standing:
    """The standing to close the next epoch from, once `bundle`'s root is final."""
    return Standing(
        tuple(parse_address(leaf.account) for leaf in bundle.leaves),
        tuple(leaf.cumulative for leaf in bundle.leaves),
        bundle.depth,
    )


def settle(
    receipts: Sequence[ReceiptPart], corpus: Corpus, rule: RewardRule, contributors_share: int
) -> Earnings:
    """What the receipts' stated attributions earn under `rule`."""
    paid = [
        PaidShares(
            receipt.receipt_id, portion(receipt.charge, contributors_share), receipt.attribution
        )
        for receipt in receipts
    ]
    return settle_receipts(paid, rule, Counter(row.contributor for row in corpus.rows))


def entitlement_tree(
    domain: VaultDomain, standing: Standing, earnings: Earnings
) -> EntitlementTree:
    """The tree after `earnings`: positions stay, new earners follow in the order of addresses."""
    if len(standing.accounts) != len(standing.cumulative):
        raise InvalidInputError("A standing has one cumulative amount for each position.")
    newcomers = sorted(earnings.by_account.keys() - set(standing.accounts))
    leaves = []
    for position, account in enumerate((*standing.accounts, *newcomers)):
        amounts = earnings.by_account.get(account, {})
        earned = standing.cumulative[position] if position < len(standing.cumulative) else 0
        details = detail_root({parse_hex(key): amount for key, amount in amounts.items()})
        leaves.append(Entitlement(position, account, earned + sum(amounts.values()), details))
    return EntitlementTree(domain, leaves, min_depth=standing.depth)


def receipts_root(receipts: Sequence[ReceiptPart]) -> bytes:
    """The commitment to an epoch's receipts, posted before their entitlements are known.

    A leaf is receipt id:32 ‖ charge:16 ‖ evidence commitment:32; an epoch without receipts has the
    root of one empty leaf.
    """
    leaves = [
        parse_hex(receipt.receipt_id, length=32)
        + receipt.charge.to_bytes(16, "big")
        + parse_hex(receipt.evidence.commitment(), length=32)
        for receipt in receipts
    ]
    return MerkleTree(leaves or [b""]).root


def corpus_part(corpus: Corpus) -> CorpusPart:
    """A version as bundles hold it."""
    return CorpusPart(
        datanet_id=corpus.datanet_id,
        version=corpus.version,
        root=to_hex(corpus.root),
        rows=tuple(RowPart(**asdict(row)) for row in corpus.rows),
    )


def _leaf_part(tree: EntitlementTree, leaf: Entitlement) -> LeafPart:
    proof = tuple(NodePart(hash=to_hex(n.hash), sum=n.sum) for n in tree.prove(leaf.position))
    return LeafPart(
        position=leaf.position,
        account=leaf.account,
        cumulative=leaf.cumulative,
        detail_root=to_hex(leaf.detail_root),
        proof=proof,
    )
