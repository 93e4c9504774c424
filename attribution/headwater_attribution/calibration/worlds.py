"""Three worlds in which the truth about influence can be had by training again.

A world is a language of *concepts*, each with two spellings, and function words between them. A
topic is a habit of going from one concept to the next. A base model has learned the language from
many topics; an adapter is then trained on five topics that the base has not seen, from
contributions of which some are clean and others partly or nearly all noise. Queries are fresh,
clean texts of those topics.

* ``same``: rows and queries use the first spelling of every concept.
* ``paraphrase``: rows use the first spelling, queries the second. Matching finds nothing here.
* ``mixed``: every word is spelled either way.

The noisiest contributor of each topic is *spam*: what it is paid, nobody should be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from headwater_attribution.apportion import Int64s

Int32s = npt.NDArray[np.int32]

SPELLINGS: Final = 2


class World(StrEnum):
    """Which spellings rows and queries use."""

    SAME = "same"
    PARAPHRASE = "paraphrase"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class WorldSize:
    """How large a world is.

    Attributes:
        concepts: words of meaning in the language.
        function_words: words that only follow others.
        topic_concepts: concepts that one topic speaks of.
        base_topics: topics that the base model has seen.
        base_documents: texts that the base model has seen.
        topics: new topics, each with one contributor for each noise.
        noises: parts of words that a contributor gets wrong; the last is spam.
        documents: texts of each contributor.
        words: length of a text.
        queries: texts to explain, spread over the new topics.
        fresh: further clean texts.
    """

    concepts: int = 40
    function_words: int = 6
    topic_concepts: int = 12
    base_topics: int = 40
    base_documents: int = 2_000
    topics: int = 5
    noises: tuple[float, ...] = (0.0, 0.15, 0.4, 0.95)
    documents: int = 12
    words: int = 19
    queries: int = 40
    fresh: int = 240

    @property
    def vocabulary(self) -> int:
        """Words there are."""
        return self.concepts * SPELLINGS + self.function_words


@dataclass(frozen=True, slots=True, eq=False)
class WorldData:
    """The texts of one world; a text is `words` numbers of words.

    Attributes:
        vocabulary: V, the words there are.
        base: `[base_documents, words]` what the base model learns from.
        documents: `[n, words]` what is contributed.
        owners: `[n]` by whom.
        queries: `[Q, words]` what is to be explained.
        spam: `[C]` which contributors sent nearly pure noise.
        fresh: `[f, words]` clean texts of the same topics that nobody has sent, for attackers.
    """

    vocabulary: int
    base: Int32s
    documents: Int32s
    owners: Int64s
    queries: Int32s
    spam: npt.NDArray[np.bool_]
    fresh: Int32s

    @property
    def contributors(self) -> int:
        """C."""
        return len(self.spam)

    def joined_by(self, texts: Sequence[Int32s]) -> "WorldData":
        """The same world with one further contributor for each of `texts`, none of them spam."""
        sizes = [len(each) for each in texts]
        newcomers = np.repeat(np.arange(len(texts)) + self.contributors, sizes)
        return replace(
            self,
            documents=np.concatenate([self.documents, *texts]),
            owners=np.concatenate([self.owners, newcomers]),
            spam=np.concatenate([self.spam, np.zeros(len(texts), dtype=np.bool_)]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Topic:
    """Two concepts that may follow each concept of a topic, the first three times as often."""

    concepts: Int64s
    following: Int64s


def make_world(world: World, seed: int, size: WorldSize | None = None) -> WorldData:
    """Draw a world; the same arguments give the same texts."""
    size = size or WorldSize()
    random = np.random.default_rng([seed, list(World).index(world)])
    base_topics = [_topic(size, random) for _ in range(size.base_topics)]
    base = [
        _text(size, base_topics[number % size.base_topics], random, World.MIXED, 0)
        for number in range(size.base_documents)
    ]
    topics = [_topic(size, random) for _ in range(size.topics)]
    documents = []
    for topic in topics:
        for noise in size.noises:
            for _ in range(size.documents):
                text = _text(size, topic, random, world, 0)
                wrong = random.random(size.words) < noise
                anything = random.integers(0, size.vocabulary, size.words)
                documents.append(np.where(wrong, anything, text))
    queries = [
        _text(size, topics[number % size.topics], random, world, 1)
        for number in range(size.queries)
    ]
    fresh = [
        _text(size, topics[number % size.topics], random, world, 0) for number in range(size.fresh)
    ]
    return WorldData(
        size.vocabulary,
        np.stack(base).astype(np.int32),
        np.stack(documents).astype(np.int32),
        np.repeat(np.arange(size.topics * len(size.noises)), size.documents),
        np.stack(queries).astype(np.int32),
        np.tile(np.arange(len(size.noises)) == len(size.noises) - 1, size.topics),
        np.stack(fresh).astype(np.int32),
    )


def _topic(size: WorldSize, random: np.random.Generator) -> _Topic:
    concepts = random.permutation(size.concepts)[: size.topic_concepts]
    main = np.roll(random.permutation(size.topic_concepts), 1)
    side = random.permutation(size.topic_concepts)
    return _Topic(concepts, np.stack([main, side], axis=1))


def _text(
    size: WorldSize, topic: _Topic, random: np.random.Generator, world: World, side: int
) -> Int64s:
    """One text; `side` is 0 for rows and 1 for queries."""
    spelling = side if world is World.PARAPHRASE else 0
    at = int(random.integers(size.topic_concepts))
    found: list[int] = []
    while len(found) < size.words:
        concept = int(topic.concepts[at])
        if world is World.MIXED:
            spelling = int(random.integers(SPELLINGS))
        found.append(concept * SPELLINGS + spelling)
        if random.random() < 0.3:
            found.append(size.concepts * SPELLINGS + concept % size.function_words)
        at = int(topic.following[at, int(random.random() < 0.25)])
    return np.array(found[: size.words], dtype=np.int64)
