"""A market run by the engine, and once more on chain; what everybody got, side by side."""

from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from headwater_attribution.rules import RewardRule
from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_simulations.economy.scenario import Economy
from headwater_simulations.economy.trace import Traced, traced
from headwater_simulations.stack.agreement import Replay, compare, expected
from headwater_simulations.stack.drawn import prompt_of
from headwater_simulations.stack.ground import Ground, open_ground
from headwater_simulations.stack.selling import Market, open_market
from headwater_simulations.stack.settling import Settlement
from headwater_simulations.stack.sizes import check_size
from headwater_wallet.keys import LocalSigner


async def replay_on_chain(
    economy: Economy, world: int = 0, *, settled_by: RewardRule | None = None
) -> Replay:
    """Sell what a world of the market sold, for real, and compare everybody's money.

    After each step the charges are claimed and every vault's epoch is attributed by the default
    method, recomputed from its bundle, posted, finalised and claimed. What has no counterpart in
    production stays the engine's: incomes, upkeep and costs, and what validators do.

    Args:
        economy: a small market.
        world: which of its worlds.
        settled_by: the rule that closes the epochs; the market's own, unless another is to be
            held against it.

    Raises:
        InvalidInputError: the market is too large, or its rule can't fill a vault's tree.
        MissingExtraError: the extras `chain` and `marketplace` are not installed.
        SimulationError: a seller refused, or a bundle doesn't hold when it is recomputed.
    """
    check_size(economy)
    run = traced(economy, world)
    drawn = {prompt_of(sale): sale for step in run.steps for sale in step}
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="headwater-stack-")))
        ground = await stack.enter_async_context(open_ground(economy))
        market = await stack.enter_async_context(open_market(ground, drawn, directory))
        settlement = Settlement(
            ground, market.store, settled_by or economy.rule, economy.contributors_share
        )
        await _fund(economy, market, run)
        for step in run.steps:
            await market.sell(step)
            await settlement.close()
        await settlement.pay_parties()
        lines = compare(expected(economy, run), await held(economy, market))
    return Replay(economy, world, len(drawn), settlement.epochs, settlement.claims, lines)


async def _fund(economy: Economy, market: Market, run: Traced) -> None:
    """Wallets for whoever buys, with all that the engine lets them have from outside."""
    buying = {(sale.washing, sale.buyer) for step in run.steps for sale in step}
    accounts = market.ground.accounts
    incomes = economy.income * economy.shock * economy.steps
    for washing, number in sorted(buying):
        signer = (accounts.contributors if washing else accounts.buyers)[number]
        await market.fund(signer, economy.endowment + (0 if washing else incomes))


async def held(economy: Economy, market: Market) -> dict[str, int]:
    """By agent: what the chain says that it paid for answers or received for them."""
    ground, accounts = market.ground, market.ground.accounts
    escrow, spent = await _channels(market)

    async def received(signer: LocalSigner) -> int:
        account = signer.address
        held = await ground.token.balance(account) + escrow[account] + spent[account]
        return held - market.funds.get(account, 0)

    told = {f"buyer {n}": spent[signer.address] for n, signer in enumerate(accounts.buyers)}
    for name, signers in (
        ("contributor", accounts.contributors),
        ("service", accounts.services),
        ("owner", accounts.owners),
    ):
        for number, signer in enumerate(signers):
            told[f"{name} {number}"] = await received(signer)
    told["platform"] = await received(accounts.platform)
    vaults = [await ground.token.balance(asset.vault) for asset, _ in ground.vaults.values()]
    return told | {"left in vaults": sum(vaults)}


async def _channels(market: Market) -> tuple[Counter[str], Counter[str]]:
    """By payer, as the chain has it: what is in escrow and not claimed, and what was claimed."""
    ground: Ground = market.ground
    contract = BatchSettlementClient(ground.chain.reader, ground.deployment.batch_settlement)
    escrow, spent = Counter[str](), Counter[str]()
    for record in await market.store.channels():
        state = await contract.channel(record.identifier)
        escrow[record.config.payer] += state.balance - state.total_claimed
        spent[record.config.payer] += state.total_claimed
    return escrow, spent
