"""What the split contribution would have earned unsplit: once by the rule alone, once in all."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from headwater.demo.contributions import SPLIT, Submission, joined
from headwater.demo.datanet import Datanet, build_datanet, serve_from
from headwater.demo.parties import Parties
from headwater_attribution.bundle import ReceiptPart
from headwater_attribution.corpus import Corpus
from headwater_attribution.epoch import PaidAnswer, settle
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods.registry import default_method
from headwater_attribution.receipt import attribute_answer
from headwater_attribution.rules import RewardRule
from headwater_models.backend import Capabilities, Finish, InferenceBackend, InferenceEvent
from headwater_models.chat import ChatRequest
from headwater_models.completion import CompletionFrame, complete
from headwater_payments.address import Address
from headwater_payments.hexadecimal import to_hex


@dataclass(slots=True)
class RememberingBackend:
    """A backend that remembers what it was asked for each answer, so that it can be asked again.

    Attributes:
        inner: the backend that answers.
        asked: the request behind each evidence, by the evidence's commitment.
    """

    inner: InferenceBackend
    asked: dict[str, ChatRequest] = field(default_factory=dict)

    def capabilities(self) -> Capabilities:
        """What the backend within serves."""
        return self.inner.capabilities()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[InferenceEvent, None]:
        """Answer as the backend within does."""
        async with aclosing(self.inner.stream(request)) as events:
            async for event in events:
                if isinstance(event, Finish):
                    self.asked[event.evidence.commitment()] = request
                yield event


@dataclass(frozen=True, slots=True)
class Economy:
    """What was traded: the datanet, who takes part, what was asked and paid, and how it is shared.

    Attributes:
        admission: whether the datanet judged what was handed in.
        asked: the request behind each answer, by its evidence's commitment.
        contributors_share: of each charge, parts per 10^8.
    """

    datanet: Datanet
    parties: Parties
    admission: bool
    answers: Sequence[PaidAnswer]
    asked: dict[str, ChatRequest]
    rule: RewardRule
    contributors_share: int


def under_one_owner(economy: Economy) -> int:
    """What the rule pays if the split parts' accepted rows all belong to the first part's owner.

    Same rows, same answers: what differs is what the payment rule makes of many owners. 0 where
    nothing was split.
    """
    parts = _parts(economy.datanet)
    if not parts:
        return 0
    holder, owner = parts[0].identity, _owner(economy, parts)
    rows = [
        replace(row, contribution_id=holder, contributor=owner) if part.kind == SPLIT else row
        for row, (part, _) in zip(economy.datanet.corpus.rows, economy.datanet.kept, strict=True)
    ]
    corpus = Corpus(economy.datanet.corpus.datanet_id, economy.datanet.corpus.version, rows)
    evidence = {
        answer.evidence.commitment(): _relabelled(answer.evidence, corpus)
        for answer in economy.answers
    }
    return _paid_to(owner, corpus, evidence, economy)


async def handed_in_whole(economy: Economy) -> int:
    """What the contribution earns in the same economy in which it was never split.

    The parts are handed in as the one contribution that they are, where the first of them stood;
    admission judges anew, another model is made of what enters, and it answers every request that
    was paid for, each for the same money. 0 where nothing was split.
    """
    parts = _parts(economy.datanet)
    if not parts:
        return 0
    submitted = joined(economy.datanet.submissions)
    version = economy.datanet.corpus.version
    datanet = build_datanet(
        submitted, economy.parties, version=version, admission=economy.admission
    )
    backend = serve_from(datanet)
    evidence = {
        commitment: await _answered(backend, request)
        for commitment, request in economy.asked.items()
    }
    return _paid_to(_owner(economy, parts), datanet.corpus, evidence, economy)


def _parts(datanet: Datanet) -> list[Submission]:
    return [each for each in datanet.submissions if each.kind == SPLIT]


def _owner(economy: Economy, parts: list[Submission]) -> Address:
    return economy.parties.contributors[parts[0].identity].address


async def _answered(backend: InferenceBackend, request: ChatRequest) -> Evidence:
    _, finish = await complete(backend, request, CompletionFrame("", 0, request.model))
    return finish.evidence


def _paid_to(owner: Address, corpus: Corpus, evidence: dict[str, Evidence], of: Economy) -> int:
    """What `owner` earns if each paid answer had the evidence given for its commitment."""
    method = default_method(corpus)
    receipts = []
    for answer in of.answers:
        found = evidence[answer.evidence.commitment()]
        attribution = attribute_answer(answer.receipt_id, found, method).attribution
        receipts.append(
            ReceiptPart(
                receipt_id=answer.receipt_id,
                charge=answer.charge,
                evidence=found,
                attribution=attribution,
            )
        )
    paid = settle(receipts, corpus, of.rule, of.contributors_share)
    return sum(paid.by_account.get(owner, {}).values())


def _relabelled(evidence: Evidence, corpus: Corpus) -> Evidence:
    passages = tuple(
        replace(
            passage,
            contribution_id=corpus.row(passage.row).contribution_id,
            contributor=corpus.row(passage.row).contributor,
        )
        for passage in evidence.passages
    )
    return replace(evidence, passages=passages, corpus_root=to_hex(corpus.root))
