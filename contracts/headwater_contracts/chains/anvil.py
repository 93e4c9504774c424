"""Foundry's anvil as a child process: a second, independent EVM behind the same interface."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

import anyio
import anyio.abc

from headwater_contracts.chains.child import end_child, start_child
from headwater_contracts.chains.development import (
    BLOCK_GAS_LIMIT,
    DEVELOPMENT_CHAIN_ID,
    DevelopmentChain,
    new_faucet,
)
from headwater_contracts.chains.http import port_taken
from headwater_contracts.toolchain import find_program
from headwater_payments.errors import UnavailableError

_START_TIMEOUT_S = 20
_START_POLL_S = 0.01
_ANNOUNCEMENT_BYTES = 65_536
_LISTENING = "Listening on 127.0.0.1:"
_ADDRESS_IN_USE = "address already in use"
_GENESIS_WEI = 10**30


class AnvilChain(DevelopmentChain):
    """An anvil of this process, ended with it: on exit, on cancellation, and when it is killed."""

    _process: anyio.abc.Process

    @classmethod
    async def start(
        cls,
        chain_id: int = DEVELOPMENT_CHAIN_ID,
        program: Path | None = None,
        *,
        port: int = 0,
    ) -> Self:
        """Start a fresh chain.

        Args:
            chain_id: in the EVM and over RPC.
            program: the executable; found by itself when left out.
            port: where it is served on loopback; 0 takes any free one.

        Raises:
            UnavailableError: anvil is not installed or does not come up, or the port cannot be
                used.
        """
        program = program or find_program("anvil")
        if program is None:
            raise UnavailableError(
                "anvil is not installed: run `npm ci --ignore-scripts` in contracts/solidity."
            )
        # A file rather than a pipe: nobody reads on after the port is known, and a full pipe would
        # stop anvil. The file has no name and vanishes with its last user.
        with tempfile.TemporaryFile() as output:
            process = await start_child(_command(program, chain_id, port), output)
            try:
                listening_at = await _listening_port(process, output, port)
            except BaseException:
                await end_child(process)
                raise
        faucet = new_faucet()
        chain = cls(f"http://127.0.0.1:{listening_at}", chain_id, faucet)
        chain._process = process
        try:
            await chain.reader.rpc.request("anvil_setBalance", faucet.address, hex(_GENESIS_WEI))
        except BaseException:
            await chain.aclose()
            raise
        return chain

    async def aclose(self) -> None:
        """End the process and wait for it."""
        with anyio.CancelScope(shield=True):
            await super().aclose()
            await end_child(self._process)


def _command(program: Path, chain_id: int, port: int) -> Sequence[str]:
    options = ["--port", str(port), "--chain-id", str(chain_id), "--accounts", "0"]
    options += ["--gas-limit", str(BLOCK_GAS_LIMIT), "--hardfork", "prague"]
    return [str(program), *options, "--code-size-limit", "49152"]


async def _listening_port(process: anyio.abc.Process, output: IO[bytes], wanted: int) -> int:
    """The port that anvil announces on its output."""
    with anyio.move_on_after(_START_TIMEOUT_S):
        while process.returncode is None:
            _, found, rest = _said(output).partition(_LISTENING)
            if found and "\n" in rest:
                return int(rest.split("\n", 1)[0])
            await anyio.sleep(_START_POLL_S)
    said = _said(output)
    if _ADDRESS_IN_USE in said.lower():
        raise port_taken(wanted)
    raise UnavailableError("anvil did not come up.", output=said[-500:])


def _said(output: IO[bytes]) -> str:
    # The child shares the file's offset: read at the start without moving it.
    return os.pread(output.fileno(), _ANNOUNCEMENT_BYTES, 0).decode("utf-8", "replace")
