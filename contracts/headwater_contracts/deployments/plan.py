"""How Headwater's contracts come to a public chain: at addresses that follow from their code.

A `ContractSet` is created through the deterministic deployment proxy that public chains have, with
the hashes of all creation code in it; then it creates the contracts one by one, whoever pays. So
the addresses are a function of the code and of the chain's token, and code at one of them can only
be what was planned. None of the contracts has an owner or a parameter: no role is handed over.

Source: EIP-1014 (CREATE2); the proxy is Arachnid's `deterministic-deployment-proxy`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from headwater_contracts.artifacts import load_artifact
from headwater_contracts.calls import Call
from headwater_contracts.deployments.record import Deployment
from headwater_contracts.reader import ChainReader
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import HeadwaterError

DEPLOYMENT_PROXY: Final = parse_address("0x4e59b44847b379578588920cA78FbF26c0B4956C")
SALT: Final = keccak(text="headwater/contracts/1")


class DeploymentError(HeadwaterError):
    """A chain lacks what a deployment needs; nothing was sent."""

    code = "deployment"
    http_status = 409


@dataclass(frozen=True, slots=True)
class Part:
    """One contract of the set.

    Attributes:
        field: its name in `Deployment`.
        contract: its artifact.
        refs: fields of the parts whose addresses are its constructor's first arguments.
        literal: the encoded rest of its arguments.
    """

    field: str
    contract: str
    refs: tuple[str, ...] = ()
    literal: bytes = b""


@dataclass(frozen=True, slots=True)
class PartState:
    """Whether a contract is where it should be."""

    name: str
    address: Address
    present: bool


class DeploymentPlan:
    """What is to be created on a chain, and where.

    Args:
        base: the chain's token and canonical contracts; its addresses of ours are not read.
    """

    def __init__(self, base: Deployment) -> None:
        self._base = base
        self._parts = _parts(base)

    @property
    def parts(self) -> Sequence[Part]:
        """In the order in which they are created."""
        return self._parts

    @cached_property
    def initcode(self) -> bytes:
        """What creates the set, with its constructor's argument."""
        number = {part.field: index for index, part in enumerate(self._parts)}
        rows = [
            (
                keccak(load_artifact(part.contract).creation_code),
                [number[ref] for ref in part.refs],
                part.literal,
            )
            for part in self._parts
        ]
        code = load_artifact("ContractSet").creation_code
        return code + encode(["(bytes32,uint8[],bytes)[]"], [rows])

    @cached_property
    def set_address(self) -> Address:
        """Where the set is, or will be."""
        proxy = bytes.fromhex(DEPLOYMENT_PROXY[2:])
        return _address(keccak(b"\xff" + proxy + SALT + keccak(self.initcode)))

    @cached_property
    def deployment(self) -> Deployment:
        """All contracts of the chain, ours where they are or will be."""
        creator = b"\xd6\x94" + bytes.fromhex(self.set_address[2:])
        ours = {
            part.field: _address(keccak(creator + bytes([index + 1])))
            for index, part in enumerate(self._parts)
        }
        return Deployment(
            chain_id=self._base.chain_id,
            from_block=self._base.from_block,
            **{**self._base.contracts(), **ours},
        )

    async def states(self, reader: ChainReader) -> list[PartState]:
        """What is there; code at an address of ours can only be what was planned.

        Raises:
            UnavailableError: the chain does not answer.
        """
        return [
            PartState(name, address, bool(await reader.code(address)))
            for name, address in [
                ("contract_set", self.set_address),
                *self.deployment.contracts().items(),
            ]
        ]

    async def next_call(self, reader: ChainReader) -> Call | None:
        """The transaction that brings the deployment on; None once everything is there.

        Raises:
            DeploymentError: the chain lacks the proxy, its token, or a canonical contract.
        """
        await self._require_ground(reader)
        if not await reader.code(self.set_address):
            data = SALT + self.initcode
            return Call(DEPLOYMENT_PROXY, data, description="create the set of contracts")
        abi = load_artifact("ContractSet").abi
        counted = await reader.call(Call(self.set_address, abi.encode_call("created")))
        index = int.from_bytes(counted, "big")
        if index == len(self._parts):
            return None
        contract = self._parts[index].contract
        data = abi.encode_call("create", load_artifact(contract).creation_code)
        return Call(self.set_address, data, description=f"create {contract}")

    async def _require_ground(self, reader: ChainReader) -> None:
        ours = {part.field for part in self._parts}
        theirs = {k: at for k, at in self._base.contracts().items() if k not in ours}
        for name, address in {"deployment_proxy": DEPLOYMENT_PROXY, **theirs}.items():
            if not await reader.code(address):
                raise DeploymentError(
                    f"Chain {self._base.chain_id} has no {name} at {address}.",
                    contract=name,
                    address=address,
                )


def _parts(base: Deployment) -> tuple[Part, ...]:
    tokens = encode(["uint256", "uint256", "address"], [5 * 32, 1, base.settlement_token])
    channels = encode(["address"], [base.batch_settlement])
    token = encode(["address"], [base.settlement_token])
    return (
        Part("receipt_desk", "ReceiptDesk", literal=channels),
        Part("panels", "Panels"),
        Part("epoch_faults", "EpochFaults"),
        Part("availability_demands", "AvailabilityDemands", ("vault_factory", "panels")),
        Part(
            "epoch_court",
            "EpochCourt",
            ("vault_factory", "panels", "epoch_faults", "availability_demands"),
        ),
        Part(
            "vault_factory",
            "RevenueVaultFactory",
            ("asset_registry", "epoch_court", "receipt_desk", "panels"),
            tokens,
        ),
        Part("licences", "Licences"),
        Part("row_commitments", "RowCommitments"),
        Part("asset_registry", "AssetRegistry", ("vault_factory", "contribution_bond", "licences")),
        Part("bond_rules", "BondRules", ("panels", "vault_factory")),
        Part("contribution_bond", "ContributionBond", ("asset_registry", "bond_rules")),
        Part("job_escrow", "JobEscrow", literal=token),
        Part("phrase_proofs", "PhraseProofs"),
    )


def _address(digest: bytes) -> Address:
    return parse_address("0x" + digest[-20:].hex())
