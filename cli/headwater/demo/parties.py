"""Who takes part in the demonstration: one encrypted seed, an account for each party."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from headwater_payments.address import Address
from headwater_wallet.keys import LocalSigner, SeedKeystore

ROLES = (
    "platform",
    "attributor",
    "first arbiter",
    "second arbiter",
    "third arbiter",
    "fallback",
    "curator",
    "provider",
    "host",
    "langgraph agent",
    "pydantic-ai agent",
    "briefing agent",
    "overcharging seller",
)
"""Roles by account index; contributors follow."""


@dataclass(frozen=True, slots=True)
class Parties:
    """Signers by role, and one for each contributor."""

    by_role: dict[str, LocalSigner]
    contributors: tuple[LocalSigner, ...]

    def address(self, role: str) -> Address:
        """The account of a role."""
        return self.by_role[role].address

    def everyone(self) -> dict[Address, str]:
        """Every account with its role; contributors are named elsewhere."""
        named = {signer.address: role for role, signer in self.by_role.items()}
        return named | {signer.address: "contributor" for signer in self.contributors}


def create_parties(directory: Path, contributors: int) -> Parties:
    """Make a seed, encrypt it into `directory`, and derive an account for each party from it."""
    password = secrets.token_urlsafe(24)
    path = directory / "seed.json"
    SeedKeystore.create().save(path, password)
    keystore = SeedKeystore.load(path, password)
    by_role = {role: keystore.signer(index) for index, role in enumerate(ROLES)}
    return Parties(
        by_role, tuple(keystore.signer(len(ROLES) + index) for index in range(contributors))
    )
