"""Headwater's contracts come to a chain at the addresses that were known before."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from contracts.conftest import Party, require_program
from eth_utils.crypto import keccak
from typer.testing import CliRunner, Result

from headwater.main import application
from headwater_contracts.chains.anvil import AnvilChain
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.clients.asset_registry import AssetKind, AssetRegistryClient
from headwater_contracts.clients.panels import PanelsClient
from headwater_contracts.clients.vault_factory import RevenueVaultFactoryClient
from headwater_contracts.deployments import (
    DEVELOPMENT,
    deploy_development_contracts,
    deployment_on,
    public_chains,
    public_deployment,
)
from headwater_contracts.deployments.plan import DEPLOYMENT_PROXY, DeploymentError, DeploymentPlan
from headwater_payments.errors import InvalidInputError
from headwater_wallet.keys import SeedKeystore

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
PROXY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
"""The code of the deterministic deployment proxy: CREATE2 of what follows the salt."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["local", "anvil"])
async def chain(request: pytest.FixtureRequest) -> AsyncIterator[DevelopmentChain]:
    """A chain with the token and the canonical contracts of Base Sepolia, and the proxy."""
    if request.param == "anvil":
        require_program("anvil")
        started: DevelopmentChain = await AnvilChain.start()
    else:
        started = await LocalChain.start()
    async with started:
        await deploy_development_contracts(started)
        await started.set_code(DEPLOYMENT_PROXY, PROXY_CODE)
        yield started


async def command(arguments: list[str]) -> Result:
    def run() -> Result:
        return CliRunner().invoke(application(["chain"]), ["chain", *arguments])

    return await anyio.to_thread.run_sync(run)


async def test_everything_is_deployed_used_and_verified(
    chain: DevelopmentChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyfile, password = tmp_path / "key.json", tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    monkeypatch.setenv("HEADWATER_PASSWORD_FILE", str(password))
    keystore = SeedKeystore.create()
    keystore.save(keyfile, PASSWORD)
    await chain.fund(keystore.signer(0).address, 10**18)
    where = ["--rpc", chain.url, "--chain-id", "84532"]
    before = await command(["verify", *where])
    assert before.exit_code == 1
    assert "missing" in before.output

    first = await command(["deploy", str(keyfile), *where, "--dry-run"])
    assert first.output == "next: create the set of contracts\n"
    done = await command(["deploy", str(keyfile), *where])
    assert done.exit_code == 0, done.output
    assert (await command(["verify", *where])).exit_code == 0
    again = await command(["deploy", str(keyfile), *where, "--dry-run"])
    assert again.output == "everything is there\n"

    deployed = public_deployment(84532)
    registry = AssetRegistryClient(chain.reader, deployed.asset_registry)
    factory = RevenueVaultFactoryClient(chain.reader, deployed.vault_factory)
    owner = await Party.funded(chain)
    receipt = await owner.send(registry.register_asset(AssetKind.MODEL, owner.address))
    asset = registry.registered_asset(receipt)
    await owner.send(registry.publish_version(asset, keccak(text="rows"), bytes(32)))
    assert await factory.is_allowed_token(deployed.settlement_token)
    assert await PanelsClient(chain.reader, deployed.panels).count() == 0
    assert deployed.asset_registry != DEVELOPMENT.asset_registry
    assert await deployment_on(chain.reader) == DEVELOPMENT


async def test_nothing_is_sent_where_a_canonical_contract_is_missing(
    chain: DevelopmentChain,
) -> None:
    plan = DeploymentPlan(public_deployment(84532))
    await chain.set_code(DEVELOPMENT.batch_settlement, b"")
    with pytest.raises(DeploymentError, match="batch_settlement"):
        await plan.next_call(chain.reader)
    await chain.set_code(DEPLOYMENT_PROXY, b"")
    with pytest.raises(DeploymentError, match="deployment_proxy"):
        await plan.next_call(chain.reader)


def test_the_files_hold_what_follows_from_the_code() -> None:
    assert public_chains() == [8453, 84532]
    for chain_id in public_chains():
        deployment = public_deployment(chain_id)
        assert DeploymentPlan(deployment).deployment == deployment
    base, sepolia = map(public_deployment, public_chains())
    assert base.identity_registry != sepolia.identity_registry
    assert base.vault_factory != sepolia.vault_factory
    with pytest.raises(InvalidInputError, match="Chain 7 is not configured"):
        public_deployment(7)


async def test_a_chain_that_is_neither_is_named() -> None:
    async with await LocalChain.start(chain_id=31337) as other:
        with pytest.raises(InvalidInputError, match="31337"):
            await deployment_on(other.reader)


async def test_addresses_of_a_public_chain_are_listed() -> None:
    listed = await command(["addresses", "--chain-id", "8453"])
    assert public_deployment(8453).settlement_token in listed.output
    assert "8453" in listed.output
