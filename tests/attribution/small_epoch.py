"""A small closed epoch, for tests that judge bundles."""

from attribution.reference_backend import answer

from headwater_attribution.bundle import EpochBundle
from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.entitlement import VaultDomain
from headwater_attribution.epoch import PaidAnswer, Standing, close_epoch, standing_after
from headwater_attribution.methods import default_method
from headwater_attribution.rules import CAUSES
from headwater_payments.address import Address, parse_address

DOMAIN = VaultDomain(84_532, parse_address("0x" + "11" * 20), parse_address("0x" + "22" * 20))
TOPICS = ("heap", "queue", "graph", "stack")


def owner(number: int) -> Address:
    """The account of a contributor."""
    return parse_address(f"0x{number + 1:040x}")


def small_epoch(
    epoch: int = 2,
    after: EpochBundle | None = None,
    domain: VaultDomain = DOMAIN,
    owners: tuple[Address, Address] = (owner(0), owner(1)),
) -> EpochBundle:
    """Three receipts over four rows of two contributors, after an earlier epoch or from nothing."""
    corpus = Corpus(
        1,
        1,
        [
            CorpusRow(
                i // 2,
                owners[i // 2],
                "MIT",
                i,
                f"The {t} keeps {t}alpha and {t}beta sorted while {t}gamma pushes {t}delta items.",
            )
            for i, t in enumerate(TOPICS)
        ],
    )
    answers = [
        PaidAnswer(f"0x{i:064x}", 1_003, answer(corpus, f"{t}alpha {t}gamma {t}beta"))
        for i, t in enumerate(TOPICS[:3])
    ]
    before = Standing((owners[0],), (17,), 0) if epoch > 1 else None
    if after is not None:
        before = standing_after(after)
    return close_epoch(
        epoch,
        domain,
        corpus,
        answers,
        default_method(corpus),
        CAUSES,
        contributors_share=60_000_000,
        before=before,
    )
