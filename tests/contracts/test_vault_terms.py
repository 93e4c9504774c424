"""Terms that the factory would take for others are refused before it is asked for their address."""

from dataclasses import replace

import pytest

from headwater_contracts.clients.vault_terms import VaultTerms
from headwater_payments.address import parse_address
from headwater_payments.errors import InvalidInputError

TERMS = VaultTerms(
    token=parse_address("0x" + "01" * 20),
    version_id=1,
    platform=parse_address("0x" + "02" * 20),
    host=parse_address("0x" + "03" * 20),
    attributor=parse_address("0x" + "04" * 20),
    fallback=parse_address("0x" + "05" * 20),
    platform_share=5_000_000,
    host_share=20_000_000,
    owner_share=15_000_000,
    parents_share=0,
    contributors_share=60_000_000,
    challenge_window=3_600,
    panel=1,
    terms_hash=bytes(32),
)


@pytest.mark.parametrize(
    "alias",
    [
        # Five and three bytes hold these numbers, and the parents' share isn't packed at all.
        replace(TERMS, version_id=TERMS.version_id + 2**40),
        replace(TERMS, challenge_window=TERMS.challenge_window + 2**24),
        replace(TERMS, parents_share=1),
        replace(TERMS, panel=TERMS.panel + 2**32),
        replace(TERMS, owner_share=TERMS.owner_share + 2**32),
    ],
)
def test_terms_that_pack_as_others_are_refused(alias: VaultTerms) -> None:
    assert VaultTerms.from_packed(TERMS.token, TERMS.packed()) == TERMS
    for ask in (alias.as_tuple, alias.packed):
        with pytest.raises(InvalidInputError):
            ask()


def test_the_last_version_that_the_packed_terms_can_hold_is_kept() -> None:
    last = replace(TERMS, version_id=2**40 - 1)
    assert VaultTerms.from_packed(last.token, last.packed()) == last
