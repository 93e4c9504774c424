"""Attacks on influence, where the truth can be had: what a strategy is paid, and what it is worth.

* ``copies``: five contributors send a victim's texts with a tenth of the words replaced.
* ``outlier``: of many fresh texts, those that a model of the attacker's own finds least likely:
  rare texts have large gradients (Wang et al., arXiv 2409.05657, the outlier attack).
* ``shadow``: of the same texts, those that help the attacker's own queries most by its own model
  (ibid., the shadow attack).

What an attack gains is its pay less what retraining says that its texts are worth: chosen texts may
help honestly.

Symbols: `C` contributors before the attack, `Q` queries.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from headwater_attribution.admission import Contribution
from headwater_attribution.admission.desk import AdmissionDesk
from headwater_attribution.calibration.documentation import Documentation
from headwater_attribution.calibration.methods import Explained, Scores
from headwater_attribution.calibration.metrics import payouts
from headwater_attribution.calibration.retraining import Trainer, retrain
from headwater_attribution.calibration.worlds import Int32s, WorldData
from headwater_attribution.influence.factors import Floats
from headwater_payments.address import parse_address

COPIES: Final = 5
REPLACED: Final = 0.1
_COPIERS: Final = [parse_address(f"0x{number:040x}") for number in range(1, COPIES + 1)]
_AUTHOR: Final = parse_address("0x" + "a0" * 20)

CANDIDATES: Final = 20
"""Texts to choose from, for each that is handed in."""


@dataclass(frozen=True, slots=True)
class AttackResult:
    """Of one attack in one world; parts of the pay of all queries, each at most 1.

    Attributes:
        paid: what the attackers were paid.
        worth: what retraining says that their texts were worth; for copies, 0: what they say was
            there.
        victim_before: the pay of whom they copied, before; 0 where nobody was copied.
        victim_after: and after.
    """

    paid: float
    worth: float
    victim_before: float = 0.0
    victim_after: float = 0.0

    @property
    def gain(self) -> float:
        """What they were paid for nothing."""
        return self.paid - self.worth


def near_copies(
    data: WorldData,
) -> Callable[[int, np.random.Generator], list[Int32s]]:
    """Copies of a victim's texts with a tenth of the words replaced by any others."""

    def copied(victim: int, random: np.random.Generator) -> list[Int32s]:
        own = data.documents[data.owners == victim]
        found = []
        for _ in range(COPIES):
            replaced = random.random(own.shape) < REPLACED
            anything = random.integers(0, data.vocabulary, own.shape)
            found.append(np.where(replaced, anything, own).astype(np.int32))
        return found

    return copied


def reworded(
    world: Documentation, *, admission: bool
) -> Callable[[int, np.random.Generator], list[Int32s]]:
    """The same of real rows, with or without an admission desk that has seen the originals."""

    def copied(victim: int, random: np.random.Generator) -> list[Int32s]:
        own = world.rows[victim] if victim < len(world.rows) else ()
        vocabulary = sorted(world.number_of)
        handed_in = [
            Contribution(number, _COPIERS[number], "CC0-1.0", _replaced(own, vocabulary, random))
            for number in range(COPIES)
        ]
        if not admission:
            return [world.encoded(each.rows) for each in handed_in]
        earlier = [
            Contribution(COPIES + number, _AUTHOR, "CC0-1.0", rows)
            for number, rows in enumerate(world.rows)
        ]
        desk = AdmissionDesk()
        for each in earlier:
            desk.review(each)
        accepted = [
            [
                row
                for row, verdict in zip(each.rows, desk.review(each), strict=True)
                if verdict.accepted
            ]
            for each in handed_in
        ]
        return [world.encoded(rows) for rows in accepted]

    return copied


def _replaced(
    rows: Sequence[str], vocabulary: Sequence[str], random: np.random.Generator
) -> tuple[str, ...]:
    found = []
    for row in rows:
        words = row.split()
        for place in np.flatnonzero(random.random(len(words)) < REPLACED):
            words[place] = vocabulary[int(random.integers(len(vocabulary)))]
        found.append(" ".join(words))
    return tuple(found)


def copy_attack(
    data: WorldData,
    trainer: Trainer,
    method: Scores,
    seed: int,
    copied: Callable[[int, np.random.Generator], list[Int32s]],
) -> AttackResult:
    """Five near-copies of whoever is paid most.

    Args:
        data: the world.
        trainer: its base.
        method: who pays.
        seed: of the training and of the copies.
        copied: the texts of each copier, given whom to copy; see `near_copies`.
    """
    random = np.random.default_rng([seed, 8])
    before = _paid(data, trainer, method, seed)
    victim = int(np.argmax(before.mean(axis=1)))
    after = _paid(data.joined_by(copied(victim, random)), trainer, method, seed)
    return AttackResult(
        paid=_part(after, slice(data.contributors, None)),
        worth=0.0,
        victim_before=_part(before, slice(victim, victim + 1)),
        victim_after=_part(after, slice(victim, victim + 1)),
    )


def outlier_attack(
    data: WorldData, fresh: Int32s, trainer: Trainer, method: Scores, seed: int, retrainings: int
) -> AttackResult:
    """Those of `fresh` texts that a model trained on the others finds least likely."""
    count = max(1, len(fresh) // CANDIDATES)
    shadow = np.arange(len(fresh) // 2)
    loss = trainer.losses(fresh, [shadow], [seed + 1], fresh)[0]
    chosen = fresh[np.argsort(-loss)[:count]]
    return _joined(data, chosen, trainer, method, seed, retrainings)


def shadow_attack(
    data: WorldData, fresh: Int32s, trainer: Trainer, method: Scores, seed: int, retrainings: int
) -> AttackResult:
    """Those of `fresh` texts that help queries of the attacker's own most, by its own model."""
    count = max(1, len(fresh) // CANDIDATES)
    asked, offered = fresh[:count], fresh[count:]
    own = WorldData(
        data.vocabulary,
        data.base[:0],
        offered,
        np.arange(len(offered)),
        asked,
        np.zeros(len(offered), dtype=np.bool_),
        data.base[:0],
    )
    helps = method(Explained(own, trainer.train(offered, seed + 2))).sum(axis=1)
    chosen = offered[np.argsort(-helps)[:count]]
    return _joined(data, chosen, trainer, method, seed, retrainings)


def _joined(
    data: WorldData, chosen: Int32s, trainer: Trainer, method: Scores, seed: int, retrainings: int
) -> AttackResult:
    world = data.joined_by([chosen])
    truth = retrain(
        trainer,
        world.documents,
        world.owners,
        world.queries,
        contributors=world.contributors,
        retrainings=retrainings,
        seed=seed,
    )
    newcomer = slice(data.contributors, None)
    paid = _paid(world, trainer, method, seed)
    return AttackResult(_part(paid, newcomer), _part(truth.payouts, newcomer))


def _paid(data: WorldData, trainer: Trainer, method: Scores, seed: int) -> Floats:
    return payouts(method(Explained(data, trainer.train(data.documents, seed))))


def _part(paid: Floats, contributors: slice) -> float:
    return float(paid[contributors].sum() / max(paid.sum(), 1e-30))
