"""One way to a chain: a node's URL, or whatever is installed to develop on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec

from headwater_contracts.chains.anvil import AnvilChain
from headwater_contracts.chains.development import DEVELOPMENT_CHAIN_ID, DevelopmentChain
from headwater_contracts.reader import ChainReader
from headwater_contracts.toolchain import find_program
from headwater_payments.errors import MissingExtraError


async def start_development_chain(
    chain_id: int = DEVELOPMENT_CHAIN_ID, *, port: int = 0
) -> DevelopmentChain:
    """Start the embedded chain, or anvil where py-evm is not installed; use as a context manager.

    Args:
        chain_id: in the EVM and over RPC.
        port: where it is served on loopback; 0 takes any free one.

    Raises:
        MissingExtraError: neither is installed.
        UnavailableError: the port cannot be used.
    """
    if find_spec("eth") is not None:
        # py-evm comes with the extra `chain`; the rest of this package does without.
        from headwater_contracts.chains.local import LocalChain

        return await LocalChain.start(chain_id, port=port)
    if find_program("anvil") is not None:
        return await AnvilChain.start(chain_id, port=port)
    raise MissingExtraError("An embedded chain", "eth", "chain")


@asynccontextmanager
async def open_chain(
    url: str | None, chain_id: int = DEVELOPMENT_CHAIN_ID
) -> AsyncIterator[ChainReader]:
    """A reader of the chain behind `url`, or, without one, of a fresh development chain.

    A development chain ends with the context. Whoever needs its faucet starts it with
    `start_development_chain`.

    Raises:
        WrongNetworkError: the node serves another chain.
        MissingExtraError: there is no chain to start.
        UnavailableError: it does not answer.
    """
    if url is None:
        async with await start_development_chain(chain_id) as chain:
            yield chain.reader
        return
    async with ChainReader.connect(url, chain_id) as reader:
        await reader.require_chain()
        yield reader
