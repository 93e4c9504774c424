"""A world of real text: contributors are modules of a library, their rows what it says of itself.

The base has read the other modules. Words beyond the commonest are one word, `UNKNOWN`; a text is
the beginning of a row. Some further contributors send the vocabulary at random: spam.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from headwater_attribution.apportion import Int64s
from headwater_attribution.calibration.worlds import Int32s, WorldData
from headwater_attribution.canonical import words
from headwater_payments.errors import InvalidInputError

VOCABULARY: Final = 400
UNKNOWN: Final = 0
WORDS: Final = 17
HONEST: Final = 16
SPAMMERS: Final = 4
DOCUMENTS: Final = 12
QUERIES: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Documentation:
    """The world with its words and the rows as they were written.

    Attributes:
        data: what models are trained on.
        number_of: the number of each word of the vocabulary.
        rows: for each honest contributor its rows as text, in the order of `data.documents`.
    """

    data: WorldData
    number_of: dict[str, int]
    rows: tuple[tuple[str, ...], ...]

    def encoded(self, texts: Sequence[str]) -> Int32s:
        """`[n, WORDS]` the beginnings of texts; short ones end in unknown words."""
        return _encoded(texts, self.number_of)


def documentation_world(rows: Sequence[tuple[str, str]], seed: int) -> Documentation:
    """Draw contributors from a library's modules.

    Args:
        rows: module and text of each row, in the library's order.
        seed: which modules contribute.

    Raises:
        InvalidInputError: too few modules have enough rows.
    """
    by_module: defaultdict[str, list[str]] = defaultdict(list)
    for module, text in rows:
        if len(words(text)) >= WORDS:
            by_module[module].append(text)
    random = np.random.default_rng([seed, 7])
    large = sorted(name for name, own in by_module.items() if len(own) >= DOCUMENTS + QUERIES)
    if len(large) <= HONEST:
        raise InvalidInputError(
            f"A documentation world needs more than {HONEST} modules with "
            f"{DOCUMENTS + QUERIES} rows, and there are {len(large)}."
        )
    chosen = [large[number] for number in random.permutation(len(large))[:HONEST]]
    drawn = {name: random.permutation(len(by_module[name])) for name in chosen}
    texts = tuple(tuple(by_module[m][n] for n in drawn[m][:DOCUMENTS]) for m in chosen)
    asked = [by_module[m][n] for m in chosen for n in drawn[m][DOCUMENTS : DOCUMENTS + QUERIES]]
    base = [text for name in sorted(by_module.keys() - set(chosen)) for text in by_module[name]]

    counts = Counter(word for text in base for word in words(text))
    common = sorted(counts, key=lambda word: (-counts[word], word))[: VOCABULARY - 1]
    number_of = {word: number for number, word in enumerate(common, start=UNKNOWN + 1)}
    frequencies = np.array([counts[word] for word in common], dtype=np.float64)
    noise = random.choice(
        np.arange(1, len(common) + 1),
        (SPAMMERS * DOCUMENTS, WORDS),
        p=frequencies / frequencies.sum(),
    )
    honest = _encoded([text for own in texts for text in own], number_of)
    owners: Int64s = np.repeat(np.arange(HONEST + SPAMMERS), DOCUMENTS)
    data = WorldData(
        len(common) + 1,
        _encoded(base, number_of),
        np.concatenate([honest, noise.astype(np.int32)]),
        owners,
        _encoded(asked, number_of),
        np.arange(HONEST + SPAMMERS) >= HONEST,
        honest[:0],
    )
    return Documentation(data, number_of, texts)


def _encoded(texts: Sequence[str], number_of: dict[str, int]) -> Int32s:
    found = np.full((len(texts), WORDS), UNKNOWN, dtype=np.int32)
    for row, text in enumerate(texts):
        for column, word in enumerate(words(text)[:WORDS]):
            found[row, column] = number_of.get(word, UNKNOWN)
    return found
