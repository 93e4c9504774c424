"""`headwater chain`: a chain to develop on, with every contract in place, and where they are."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Final

import typer

from headwater_payments.address import Address, parse_address
from headwater_payments.errors import HeadwaterError

# The command line starts fast because chains and signing load when a command runs.
if TYPE_CHECKING:
    from headwater_contracts.chains.development import DevelopmentChain
    from headwater_contracts.deployments import Deployment

FUNDED_WEI: Final = 10**18
"""What `--fund` gives of the chain's own coin, in wei: enough for thousands of transactions."""

FUNDED_UNITS: Final = 1_000_000_000
"""What `--fund` gives of the token, in atomic units: 1000 USDC."""

app = typer.Typer(no_args_is_help=True, help="A chain to develop on, and what stands on it.")


@app.callback()
def main() -> None:
    """A chain to develop on, with every contract in place, and where the contracts are."""


@app.command()
def up(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes any free one.")] = 8545,
    anvil: Annotated[
        bool, typer.Option("--anvil", help="Run anvil, not the embedded EVM.")
    ] = False,
    fund: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Give it 1 coin and 1000 USDC; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Start a chain with every contract and serve it on this machine until Ctrl-C.

    Nothing of it is kept: the next one starts empty.
    """
    import anyio

    try:
        accounts = [parse_address(account) for account in fund or ()]
        anyio.run(_serve, port, anvil, accounts, as_json)
    except HeadwaterError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(2) from error
    except KeyboardInterrupt:
        typer.echo("The chain has ended.", err=True)


@app.command()
def addresses(
    chain_id: Annotated[
        int | None, typer.Option("--chain-id", help="A public chain's, rather than development.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Where the contracts are on every development chain, or on a public one."""
    from headwater_contracts.deployments import DEVELOPMENT, public_deployment

    deployment = DEVELOPMENT if chain_id is None else public_deployment(chain_id)
    contracts = deployment.contracts()
    if as_json:
        typer.echo(json.dumps({"chain_id": deployment.chain_id, "contracts": contracts}, indent=2))
    else:
        typer.echo(_table({"chain_id": str(deployment.chain_id), **contracts}))


@app.command()
def verify(
    rpc: Annotated[str, typer.Option("--rpc", help="The node's URL.")],
    chain_id: Annotated[int, typer.Option("--chain-id", help="The chain it must serve.")],
) -> None:
    """Say which contracts stand on a public chain; status 1 where one is missing.

    An address of Headwater's own follows from the contract's code, so what is there is that code.
    """
    import anyio

    anyio.run(_verify, rpc, chain_id)


async def _verify(rpc: str, chain_id: int) -> None:
    from headwater_contracts.deployments import public_deployment
    from headwater_contracts.deployments.plan import DeploymentPlan
    from headwater_contracts.reader import ChainReader

    plan = DeploymentPlan(public_deployment(chain_id))
    async with ChainReader.connect(rpc, chain_id) as reader:
        await reader.require_chain()
        states = await plan.states(reader)
    said = {f"{each.name} {each.address}": each.present for each in states}
    typer.echo(_table({name: "there" if there else "missing" for name, there in said.items()}))
    if not all(said.values()):
        raise typer.Exit(1)


async def _serve(port: int, anvil: bool, accounts: list[Address], as_json: bool) -> None:
    import anyio

    from headwater_contracts.chains.anvil import AnvilChain
    from headwater_contracts.chains.opening import start_development_chain
    from headwater_contracts.deployments import deploy_development_contracts

    starting = AnvilChain.start(port=port) if anvil else start_development_chain(port=port)
    async with await starting as chain:
        deployment = await deploy_development_contracts(chain)
        for account in accounts:
            await _fund(chain, deployment, account)
        fields = {"url": chain.url, "chain_id": chain.chain_id, "faucet": chain.faucet}
        contracts = deployment.contracts()
        if as_json:
            typer.echo(json.dumps({**fields, "contracts": contracts, "funded": accounts}))
        else:
            funded = {"funded": ", ".join(accounts)} if accounts else {}
            typer.echo(_table({**fields, **contracts, **funded}))
            typer.echo("Ctrl-C ends it.", err=True)
        await anyio.sleep_forever()


async def _fund(chain: "DevelopmentChain", deployment: "Deployment", account: Address) -> None:
    from headwater_contracts.clients.settlement_token import SettlementTokenClient

    token = SettlementTokenClient(chain.reader, deployment.settlement_token)
    await chain.fund(account, FUNDED_WEI)
    await chain.send(token.mint(account, FUNDED_UNITS))


def _table(rows: Mapping[str, object]) -> str:
    width = max(map(len, rows))
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows.items())
