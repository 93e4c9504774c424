"""The embedded chain: py-evm in this process, served on loopback, without Node.js or a binary."""

import time
from collections.abc import Callable
from typing import Self

import anyio.to_thread

from headwater_contracts.chains.development import (
    DEVELOPMENT_CHAIN_ID,
    DevelopmentChain,
    new_faucet,
)
from headwater_contracts.chains.evm import EvmChain
from headwater_contracts.chains.http import LoopbackServer
from headwater_contracts.chains.rpc import RpcMethods, parse_error


class LocalChain(DevelopmentChain):
    """An EVM with Prague's rules; each transaction is mined as it comes, in a block of its own."""

    _server: LoopbackServer

    @classmethod
    async def start(
        cls,
        chain_id: int = DEVELOPMENT_CHAIN_ID,
        now: Callable[[], float] = time.time,
        *,
        port: int = 0,
    ) -> Self:
        """Start a fresh chain.

        Args:
            chain_id: in the EVM and over RPC.
            now: unix seconds, the clock of its blocks.
            port: where it is served on loopback; 0 takes any free one.

        Raises:
            UnavailableError: the port cannot be used.
        """
        faucet = new_faucet()
        evm = EvmChain(chain_id, bytes.fromhex(faucet.address[2:]), lambda: int(now()))
        server = LoopbackServer(RpcMethods(evm).answer, parse_error(), port=port)
        chain = cls(f"http://127.0.0.1:{server.start()}", chain_id, faucet)
        chain._server = server
        return chain

    async def aclose(self) -> None:
        """Stop serving; the chain's thread has ended when this returns."""
        with anyio.CancelScope(shield=True):
            await super().aclose()
            await anyio.to_thread.run_sync(self._server.close)
