"""What copying everybody else's rows brings on real text, through the code that runs in production.

    python benchmarks/copies.py [--seeds 3] [--questions 300] [--json result.json]

One fifth of the authors of the standard library's documentation are a coalition. Under one more
name it hands in a copy of every row of all the others, disguised in one way at a time. Admission
judges it, the embedded model answers held-out questions about all rows, and the shipped method and
rule pay. The figures are what the simulator's arena assumes (`precedence`, `stray_reach`,
`blind_at`); copying and rewording cost nothing here.
"""

import argparse
import json
import os
import platform
import random
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import anyio

from headwater_attribution.admission import Contribution, admit
from headwater_attribution.clusters import star_centres
from headwater_attribution.corpus import Corpus
from headwater_attribution.corpus import CorpusRow as Record
from headwater_attribution.evidence import Evidence
from headwater_attribution.methods import default_method
from headwater_attribution.rules import CAUSES
from headwater_attribution.settlement import PaidShares, settle_receipts
from headwater_models.chat import ChatRequest
from headwater_models.completion import CompletionFrame, complete
from headwater_models.corpus_backend import CorpusBackend, CorpusRow
from headwater_models.questions import SYNONYMS, held_out_questions
from headwater_models.stdlib_corpus import standard_library_rows
from headwater_models.terms import STOP_WORDS, plain_words
from headwater_payments.address import Address, parse_address
from headwater_payments.hexadecimal import to_hex

ROWS_PER_AUTHOR = 24
COALITION = 5
"""Every so many-th author belongs to it."""

COPIER = 9_999
MONEY = 600_000
"""The contributors' part of a charge, atomic units."""

Row = tuple[str, str]
_WORD = re.compile(r"[A-Za-z]{2,}")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Datanet:
    """What entered, with each row's title."""

    corpus: Corpus
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Paid:
    """What an epoch of answers paid each account, and the evidence of each answer."""

    accounts: dict[Address, int]
    evidence: tuple[Evidence, ...]

    def to(self, accounts: Sequence[Address]) -> int:
        """What these accounts got together."""
        return sum(self.accounts.get(account, 0) for account in accounts)


@dataclass(frozen=True, slots=True)
class Found:
    """What one disguise brought in one run; shares of honest pay where nothing else is said.

    Attributes:
        entered: of the copies handed in.
        gain: what the copies were paid.
        own: change of what the coalition's own rows were paid.
        others: change of what everybody else was paid, of their honest pay.
        in_place: questions in which a copy was quoted for its original, of those about a row whose
            copy had entered.
        stray: other quotations of copies, a question.
    """

    entered: float
    gain: float
    own: float
    others: float
    in_place: float
    stray: float


class Disguise:
    """Ways to say a row again, over one vocabulary."""

    def __init__(self, rows: Sequence[Row], seed: int) -> None:
        self._draw = random.Random(seed)
        self._spread = Counter(word for _, text in rows for word in set(plain_words(text)))
        content = (w for w in self._spread if len(w) > 3 and w.isalpha() and w not in STOP_WORDS)
        self._content, self._grammar = sorted(content), sorted(STOP_WORDS)

    def replaced(self, text: str, share: float, *, rare_last: bool = False) -> str:
        """A share of all words replaced by others of their kind, the rarest last if so wished."""
        found = list(_WORD.finditer(text))
        order = list(range(len(found)))
        self._draw.shuffle(order)
        order.sort(key=lambda i: found[i].group().lower() in STOP_WORDS)
        if rare_last:
            order.sort(key=lambda i: -self._commonness(found[i].group()))
        chosen = set(order[: round(share * len(found))])
        words = (self._other(m.group()) if i in chosen else m.group() for i, m in enumerate(found))
        return _filled(text, found, words)

    def everyday(self, text: str, share: float) -> str:
        """The words that people ask with, the sentences in another order, and a share replaced."""
        plain = _WORD.sub(lambda m: SYNONYMS.get(m.group().lower(), m.group()), text)
        sentences = _SENTENCE_END.split(self.replaced(plain, share, rare_last=True))
        self._draw.shuffle(sentences)
        return " ".join(sentences)

    def condensed(self, text: str, share: float) -> str:
        """Without its common words, and a share of what is left replaced."""
        kept = (w for w in text.split() if w.lower() in STOP_WORDS or self._commonness(w) < 60)
        return self.replaced(" ".join(kept), share, rare_last=True)

    def _commonness(self, word: str) -> int:
        folded = re.sub(r"\W", "", word).lower()
        return 0 if folded in STOP_WORDS else self._spread[folded]

    def _other(self, word: str) -> str:
        return self._draw.choice(self._grammar if word.lower() in STOP_WORDS else self._content)


Way = Callable[[Disguise, str], str]
WAYS: dict[str, Way] = {
    "exact": lambda _, text: text,
    **{
        f"words replaced at random, {share:.0%}": lambda d, text, s=share: d.replaced(text, s)
        for share in (0.1, 0.2, 0.35, 0.6)
    },
    **{
        f"rare words kept, {share:.0%} replaced": lambda d, text, s=share: d.replaced(
            text, s, rare_last=True
        )
        for share in (0.2, 0.35, 0.6)
    },
    "everyday words, 20 % replaced": lambda d, text: d.everyday(text, 0.2),
    "condensed, 20 % replaced": lambda d, text: d.condensed(text, 0.2),
}


async def main() -> None:
    """Measure each way for each seed and print medians with the lowest and highest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    start = time.perf_counter()
    found: defaultdict[str, list[Found]] = defaultdict(list)
    for seed in range(options.seeds):
        for way, result in (await measure(seed, options.questions)).items():
            found[way].append(result)
    print("| disguise | entered | gain | own rows | others | in place | stray |")
    print("|---|---|---|---|---|---|---|")
    for way, results in found.items():
        print(f"| {way} |", " | ".join(_spread(results, name) for name in Found.__slots__), "|")
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(
        f"\n{options.seeds} seeds of {options.questions} questions, "
        f"{time.perf_counter() - start:.0f} s. Python {platform.python_version()}, "
        f"{os.cpu_count()} cores {platform.machine()}, load {load}."
    )
    if options.json:
        document = {way: [asdict(each) for each in results] for way, results in found.items()}
        options.json.write_text(json.dumps(document, indent=1), "utf-8")


async def measure(seed: int, asked: int) -> dict[str, Found]:
    """Every way once."""
    written: defaultdict[str, list[Row]] = defaultdict(list)
    for row in standard_library_rows(ROWS_PER_AUTHOR):
        written[row.module].append((row.title, row.text))
    authors = {number: rows for number, (_, rows) in enumerate(sorted(written.items()))}
    coalition = [number for number in authors if number % COALITION == seed % COALITION]
    honest = enter(authors)
    rows = list(zip(honest.titles, (row.text for row in honest.corpus.rows), strict=True))
    questions = held_out_questions(rows, asked, seed)
    texts = [question.text for question in questions]
    right = [honest.titles[question.answer_position] for question in questions]
    before = await pay(honest, texts)
    victims = [row for number in authors if number not in coalition for row in authors[number]]
    disguise = Disguise(victims, seed)
    found = {}
    for way, disguised in WAYS.items():
        copies = [(title, disguised(disguise, text)) for title, text in victims]
        after = enter({**authors, COPIER: copies})
        paid = await pay(after, texts)
        found[way] = compare(before, paid, after, coalition, right, len(copies))
    return found


def enter(authors: dict[int, list[Row]]) -> Datanet:
    """The rows that pass admission, in the order of the authors' numbers."""
    verdicts = admit(
        Contribution(number, account(number), "PSF-2.0", tuple(text for _, text in rows))
        for number, rows in authors.items()
    )
    kept = [verdict.ref for verdict in verdicts if verdict.accepted]
    records = [
        Record(
            ref.contribution_id,
            account(ref.contribution_id),
            "PSF-2.0",
            sequence,
            authors[ref.contribution_id][ref.row][1],
        )
        for sequence, ref in enumerate(kept)
    ]
    titles = tuple(authors[ref.contribution_id][ref.row][0] for ref in kept)
    return Datanet(Corpus(1, 1, records), titles)


async def pay(datanet: Datanet, questions: Sequence[str]) -> Paid:
    """Answer each question once, for the same money, and pay by the shipped method and rule."""
    corpus = datanet.corpus
    rows = [
        CorpusRow(corpus.row_id(index), row.contribution_id, row.contributor, title, row.text)
        for index, (row, title) in enumerate(zip(corpus.rows, datanet.titles, strict=True))
    ]
    backend = CorpusBackend("docs", rows, to_hex(corpus.root), centres=star_centres(corpus))
    evidence = [await _evidence(backend, question) for question in questions]
    method = default_method(corpus)
    receipts = [
        PaidShares(f"0x{number:064x}", MONEY, method.attribute(each))
        for number, each in enumerate(evidence)
    ]
    earned = settle_receipts(receipts, CAUSES, Counter(row.contributor for row in corpus.rows))
    by_account = {who: sum(amounts.values()) for who, amounts in earned.by_account.items()}
    return Paid(by_account, tuple(evidence))


def compare(
    before: Paid,
    after: Paid,
    datanet: Datanet,
    coalition: Sequence[int],
    right: Sequence[str],
    handed_in: int,
) -> Found:
    """What the copies changed; `right` names the row that each question is about."""
    own = [account(number) for number in coalition]
    copied = {
        datanet.titles[index]
        for index, row in enumerate(datanet.corpus.rows)
        if row.contribution_id == COPIER
    }
    entered = sum(row.contribution_id == COPIER for row in datanet.corpus.rows)
    quoted = [
        (datanet.titles[passage.row.index], title)
        for title, evidence in zip(right, after.evidence, strict=True)
        for passage in evidence.passages
        if passage.spans and passage.contribution_id == COPIER
    ]
    in_place = sum(found == title for found, title in quoted)
    honest, copies = before.to(own), after.to([account(COPIER)])
    others = sum(before.accounts.values()) - honest
    return Found(
        entered / handed_in,
        copies / honest,
        after.to(own) / honest - 1,
        (sum(after.accounts.values()) - after.to(own) - copies) / others - 1,
        in_place / max(1, sum(title in copied for title in right)),
        (len(quoted) - in_place) / len(right),
    )


def account(number: int) -> Address:
    """An author's account."""
    return parse_address(f"0x{number + 1:040x}")


async def _evidence(backend: CorpusBackend, question: str) -> Evidence:
    message = {"role": "user", "content": question}
    request = ChatRequest.model_validate({"model": "docs", "messages": [message]})
    _, finish = await complete(backend, request, CompletionFrame("", 0, "docs"))
    return finish.evidence


def _filled(text: str, found: Sequence[re.Match[str]], words: Iterable[str]) -> str:
    pieces, at = [], 0
    for match, word in zip(found, words, strict=True):
        pieces += [text[at : match.start()], word]
        at = match.end()
    return "".join(pieces) + text[at:]


def _spread(results: Sequence[Found], name: str) -> str:
    values = sorted(getattr(result, name) for result in results)
    return f"{statistics.median(values):.3f} ({values[0]:.3f} to {values[-1]:.3f})"


if __name__ == "__main__":
    anyio.run(main)
