"""One transaction claims everything that a key is owed, over all assets."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import anyio
import pytest
from attribution.small_epoch import small_epoch
from contracts.world import World, create_vault, open_world, post, publish, terms_of
from typer.testing import CliRunner

from headwater.main import application
from headwater_attribution.bundle import EpochBundle
from headwater_attribution.entitlement import VaultDomain
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.clients.claim_orders import Claim
from headwater_contracts.clients.revenue_vault import RevenueVaultClient
from headwater_contracts.deployments import DEVELOPMENT, deploy_development_contracts
from headwater_contracts.reverts import ContractRevertError
from headwater_marketplace.claiming import claim_everything, owed_to
from headwater_marketplace.epochs import opening
from headwater_payments.address import Address, parse_address
from headwater_payments.hexadecimal import parse_hex
from headwater_wallet.keys import LocalSigner, SeedKeystore
from headwater_wallet.transactions import TransactionSender
from support.chains import CHAIN, CHAINS, start_chain

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
OTHER = parse_address("0x" + "0b" * 20)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with await start_chain(getattr(request, "param", CHAIN)) as chain:
        yield await open_world(chain, await deploy_development_contracts(chain))


async def closed_vault(
    world: World, account: Address, *, final: bool = True
) -> tuple[RevenueVaultClient, EpochBundle]:
    """A vault with income and one epoch, in which `account` and another earned."""
    vault = await create_vault(world, terms_of(world, await publish(world)))
    await world.chain.send(world.token.mint(vault.address, 5_000))
    domain = VaultDomain(world.chain.chain_id, vault.address, world.token.address)
    bundle = small_epoch(1, domain=domain, owners=(account, OTHER))
    await post(world, vault, parse_hex(bundle.root), bundle.sum)
    if final:
        await world.chain.advance_time(31)
        await world.seller.send(vault.finalize())
    return vault, bundle


@pytest.mark.parametrize("world", CHAINS, indirect=True)
async def test_all_assets_are_claimed_in_one_transaction(world: World) -> None:
    account = parse_address("0x" + "0a" * 20)
    bundles = [(await closed_vault(world, account))[1] for _ in range(3)]
    _, pending = await closed_vault(world, account, final=False)
    sender = TransactionSender(world.chain.reader, LocalSigner(bytes(world.buyer.account.key)))
    told: list[tuple[str, str]] = []
    elsewhere = bundles[0].model_copy(
        update={"vault": bundles[0].vault.model_copy(update={"chain_id": 1})}
    )
    owed = await owed_to(
        account,
        [*bundles, pending, elsewhere],
        world.chain.reader,
        lambda bundle, why: told.append((bundle.vault.vault, why)),
    )
    assert told == [
        (pending.vault.vault, "its root is not the vault's final one; no root is"),
        (elsewhere.vault.vault, "it is of chain 1"),
    ]
    earned = sum(
        leaf.cumulative for bundle in bundles for leaf in bundle.leaves if leaf.account == account
    )
    assert (len(owed), sum(each.amount for each in owed)) == (3, earned)
    assert await claim_everything(sender, owed, DEVELOPMENT) is not None
    assert sender.sent == 1
    assert await world.token.balance(account) == earned > 0
    assert await world.token.balance(OTHER) == 0
    assert await owed_to(account, bundles, world.chain.reader) == []
    # What was claimed meanwhile is left out, not failed on.
    assert await claim_everything(sender, owed, DEVELOPMENT) is None


async def test_the_command_claims_for_its_key(world: World, tmp_path: Path) -> None:
    keystore = SeedKeystore.create()
    keystore.save(tmp_path / "seed.json", PASSWORD)
    account = keystore.signer(0).address
    await world.chain.fund(account, 10**18)
    _, bundle = await closed_vault(world, account)
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / "one.json").write_text(bundle.model_dump_json())
    (tmp_path / "password").write_text(PASSWORD)

    def run(*more: str, status: int = 0) -> str:
        command = ["claim", str(tmp_path / "seed.json"), str(tmp_path / "bundles")]
        options = ["--rpc", world.chain.url, "--chain-id", "84532", *more]
        done = CliRunner().invoke(
            application(["claim"]),
            [*command, *options],
            env={"HEADWATER_PASSWORD_FILE": str(tmp_path / "password")},
        )
        assert done.exit_code == status, done.output
        return done.output

    earned = next(leaf.cumulative for leaf in bundle.leaves if leaf.account == account)
    listed = await anyio.to_thread.run_sync(lambda: run("--dry-run"))
    assert str(earned) in listed
    assert await world.token.balance(account) == 0
    assert "claimed on chain 84532 in 0x" in await anyio.to_thread.run_sync(run)
    assert await world.token.balance(account) == earned
    for options in ((), ("--dry-run",)):
        assert "nothing is owed" in await anyio.to_thread.run_sync(run, *options)
    (tmp_path / "bundles" / "one.json").unlink()
    assert "no bundles" in await anyio.to_thread.run_sync(lambda: run(status=2))


async def test_the_command_claims_on_every_chain_and_names_the_one_that_is_down(
    world: World, tmp_path: Path
) -> None:
    keystore = SeedKeystore.create()
    keystore.save(tmp_path / "seed.json", PASSWORD)
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "bundles").mkdir()
    account = keystore.signer(0).address

    def run(*chains: tuple[str, int]) -> tuple[int, str]:
        named = [word for url, each in chains for word in ("--rpc", url, "--chain-id", str(each))]
        done = CliRunner().invoke(
            application(["claim"]),
            ["claim", str(tmp_path / "seed.json"), str(tmp_path / "bundles"), *named],
            env={"HEADWATER_PASSWORD_FILE": str(tmp_path / "password")},
        )
        return done.exit_code, done.output

    async def close_two(place: World) -> int:
        """Two vaults that owe the account; what they owe together."""
        await place.chain.fund(account, 10**18)
        bundles = [(await closed_vault(place, account))[1] for _ in range(2)]
        for number, bundle in enumerate(bundles):
            file = tmp_path / "bundles" / f"{place.chain.chain_id}-{number}.json"
            file.write_text(bundle.model_dump_json())
        owed = await owed_to(account, bundles, place.chain.reader)
        return sum(each.amount for each in owed)

    async with await LocalChain.start(chain_id=8453) as chain:
        # The contracts of a development chain, on one with the id of another public chain.
        twin = SimpleNamespace(
            chain_id=84_532, faucet=chain.faucet, run_constructor_at=chain.run_constructor_at
        )
        await deploy_development_contracts(cast("DevelopmentChain", twin))
        other = await open_world(chain, DEVELOPMENT)
        owed = [await close_two(each) for each in (world, other)]
        here, there = (world.chain.url, 84_532), (chain.url, 8453)
        # The first is down: the second is claimed all the same.
        status, said = await anyio.to_thread.run_sync(run, ("http://127.0.0.1:9", 84_532), there)
        assert status == 1
        assert "chain 84532: error[unavailable]" in said
        assert "claimed on chain 8453 in 0x" in said
        assert [await each.token.balance(account) for each in (world, other)] == [0, owed[1]]
        status, said = await anyio.to_thread.run_sync(run, here, there)
        assert status == 0
        assert "nothing is owed by the final roots of chain 8453" in said
        assert [await each.token.balance(account) for each in (world, other)] == owed


@pytest.mark.parametrize("world", CHAINS, indirect=True)
async def test_a_signed_order_pays_another_recipient(world: World) -> None:
    account, recipient = world.buyer.address, parse_address("0x" + "0c" * 20)
    vault, bundle = await closed_vault(world, account)
    leaf, proof = next(
        opening(part) for part in bundle.leaves if parse_address(part.account) == account
    )
    order = Claim(world.token.address, leaf.position, leaf.cumulative, recipient, 7, 2**40 - 1)
    signature = world.buyer.sign(order.to_sign(84_532, vault.address).digest())
    before = await world.token.balance(world.seller.address)
    await world.seller.send(vault.claim_signed(leaf, proof, order, signature))
    assert await world.token.balance(recipient) == leaf.cumulative - 7
    assert await world.token.balance(world.seller.address) == before + 7
    with pytest.raises(ContractRevertError) as refused:
        await world.chain.reader.call(vault.claim_signed(leaf, proof, order, bytes(65)))
    assert refused.value.name == "NotSignedByAccount"
