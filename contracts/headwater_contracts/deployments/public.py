"""Deployments on public chains, each a file named by its chain id.

The token and what x402 and ERC-8004 put on the chain are configured; ours are where
`headwater chain deploy` puts them, which follows from their code (`plan.py`).
"""

import json
from dataclasses import asdict
from importlib import resources

from headwater_contracts.deployments.development import DEVELOPMENT
from headwater_contracts.deployments.record import Deployment
from headwater_contracts.reader import ChainReader
from headwater_payments.address import parse_address
from headwater_payments.errors import InvalidInputError


def public_chains() -> list[int]:
    """The ids of the chains that are configured."""
    folder = resources.files("headwater_contracts") / "deployments"
    names = (file.name for file in folder.iterdir() if file.name.endswith(".json"))
    return sorted(int(name.removesuffix(".json")) for name in names)


def public_deployment(chain_id: int) -> Deployment:
    """The contracts of a public chain.

    Raises:
        InvalidInputError: it is not configured.
    """
    known = public_chains()
    if chain_id not in known:
        raise InvalidInputError(
            f"Chain {chain_id} is not configured; there are {', '.join(map(str, known))}.",
            chain_id=chain_id,
        )
    folder = resources.files("headwater_contracts") / "deployments"
    fields = json.loads((folder / f"{chain_id}.json").read_text("utf-8"))
    contracts = {name: parse_address(at) for name, at in fields["contracts"].items()}
    return Deployment(chain_id=chain_id, from_block=fields["from_block"], **contracts)


async def deployment_on(reader: ChainReader) -> Deployment:
    """The contracts of the chain that is read: a development chain's where they stand on it.

    Development chains have the id of a public one, so the code on the chain decides.

    Raises:
        InvalidInputError: a public chain that is not configured.
        UnavailableError: the chain does not answer.
    """
    if await reader.chain_id() == DEVELOPMENT.chain_id and await reader.code(
        DEVELOPMENT.vault_factory
    ):
        return DEVELOPMENT
    return public_deployment(await reader.chain_id())


def deployment_text(deployment: Deployment, name: str) -> str:
    """A deployment as its file holds it."""
    fields = asdict(deployment)
    document = {
        "chain_id": fields.pop("chain_id"),
        "name": name,
        "from_block": fields.pop("from_block"),
        "contracts": fields,
    }
    return json.dumps(document, indent=2) + "\n"
