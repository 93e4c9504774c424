"""`headwater chain` starts a chain that works, says where things are, and ends when told to."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import pytest
from contracts.conftest import require_program
from typer.testing import CliRunner

from headwater_contracts.cli import FUNDED_UNITS, FUNDED_WEI, app
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import DEVELOPMENT
from headwater_contracts.reader import ChainReader
from headwater_payments.address import parse_address

pytestmark = pytest.mark.anyio

ALICE = parse_address("0x" + "a1" * 20)
BOB = parse_address("0x" + "b0" * 20)
PROGRAM = "from headwater_contracts.cli import app; app()"


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, killed if a test fails before it ends."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("program", ["embedded", "anvil"])
async def test_a_chain_with_every_contract_until_ctrl_c(program: str) -> None:
    options = ["--anvil"] if program == "anvil" else []
    if options:
        require_program("anvil")
    with running(
        "up", "--port", "0", "--json", "--fund", ALICE, "--fund", BOB, *options
    ) as process:
        said = json.loads(first_line(process))
        assert said["funded"] == [ALICE, BOB]
        assert said["chain_id"] == 84532
        async with ChainReader.connect(said["url"], said["chain_id"]) as reader:
            for address in said["contracts"].values():
                assert await reader.code(parse_address(address))
            token = SettlementTokenClient(reader, said["contracts"]["settlement_token"])
            for account in (ALICE, BOB):
                assert await reader.balance(account) == FUNDED_WEI
                assert await token.balance(account) == FUNDED_UNITS
            assert await reader.balance(parse_address(said["faucet"])) > 10**20
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert (rest, errors) == ("", "The chain has ended.\n")


@pytest.mark.parametrize("program", ["embedded", "anvil"])
def test_a_port_that_is_taken_is_one_sentence(program: str) -> None:
    options = ["--anvil"] if program == "anvil" else []
    if options:
        require_program("anvil")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["up", "--port", str(port), *options])
    assert result.exit_code == 2
    assert result.output == (
        f"error[unavailable]: Port {port} cannot be used: "
        "stop what listens there, or choose another.\n"
    )


def test_an_account_that_is_none_is_refused_before_anything_starts() -> None:
    result = CliRunner().invoke(app, ["up", "--fund", "0x03"])
    assert result.exit_code == 2
    assert result.output.startswith("error[invalid_input]: '0x03' is not an address")
    assert result.output.count("\n") == 1


def test_addresses_are_those_of_the_deployment() -> None:
    table = CliRunner().invoke(app, ["addresses"])
    shown = dict(line.split() for line in table.output.splitlines())
    as_json = json.loads(CliRunner().invoke(app, ["addresses", "--json"]).output)
    expected = {name: value for name, value in asdict(DEVELOPMENT).items() if name != "from_block"}
    assert shown == {name: str(value) for name, value in expected.items()}
    assert {"chain_id": as_json["chain_id"], **as_json["contracts"]} == expected


def test_help_imports_neither_web3_nor_an_evm() -> None:
    code = (
        "import sys, headwater_contracts.cli\n"
        "print({'web3', 'eth', 'eth_account', 'httpx', 'rich.table'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == "set()"
