"""The development chains that tests run on, by name: the EVM in process, and anvil beside it."""

import os

import pytest

from headwater_contracts.chains.anvil import AnvilChain
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.toolchain import find_program

CHAINS = ("local", "anvil")
CHAIN = os.environ.get("HEADWATER_TEST_CHAIN", "local")
"""Where tests run that take one chain; `make check-anvil` runs them on the other."""


async def start_chain(name: str = CHAIN) -> DevelopmentChain:
    """The chain of this name, with no contracts yet; the caller enters it."""
    if name not in CHAINS:
        pytest.fail(f"HEADWATER_TEST_CHAIN is {name!r}, which is none of {CHAINS}")
    if name == "local":
        return await LocalChain.start()
    require_program(name)
    return await AnvilChain.start()


def require_program(name: str) -> None:
    """Skip without a program of the npm toolchain, unless the environment says it must be there."""
    if find_program(name) is None:
        if os.environ.get("HEADWATER_REQUIRE_ANVIL") == "1":
            pytest.fail(f"{name} is required and not installed")
        pytest.skip(f"{name} is not installed")
