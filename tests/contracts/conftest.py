"""Chains and parties shared by the tests of the contracts' Python side."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from headwater_contracts.calls import Call
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.deployments import Deployment, deploy_development_contracts
from headwater_contracts.reader import Receipt
from headwater_payments.address import Address, parse_address
from support.chains import CHAINS, require_program, start_chain

__all__ = ["Party", "require_program"]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=CHAINS)
async def chain(request: pytest.FixtureRequest) -> AsyncIterator[DevelopmentChain]:
    """Either development chain, alike."""
    async with await start_chain(request.param) as started:
        yield started


@pytest.fixture
async def local_chain() -> AsyncIterator[LocalChain]:
    async with await LocalChain.start() as started:
        yield started


@pytest.fixture
async def deployment(chain: DevelopmentChain) -> Deployment:
    return await deploy_development_contracts(chain)


@dataclass(frozen=True)
class Party:
    """An account that can sign and send on a development chain."""

    account: LocalAccount
    chain: DevelopmentChain

    @classmethod
    async def funded(cls, chain: DevelopmentChain) -> "Party":
        party = cls(Account.create(), chain)
        await chain.fund(party.address, 10**18)
        return party

    @property
    def address(self) -> Address:
        return parse_address(self.account.address)

    def sign(self, digest: bytes) -> bytes:
        return bytes(self.account.unsafe_sign_hash(digest).signature)

    async def raw(self, call: Call, *, nonce: int | None = None, gas: int = 2_000_000) -> str:
        if nonce is None:
            nonce = await self.chain.reader.nonce(self.address)
        signed = self.account.sign_transaction(
            {
                "chainId": self.chain.chain_id,
                "nonce": nonce,
                "to": bytes.fromhex(call.to[2:]),
                "data": call.data,
                "value": call.value,
                "gas": gas,
                "maxFeePerGas": 100 * 10**9,
                "maxPriorityFeePerGas": 0,
            }
        )
        return "0x" + bytes(signed.raw_transaction).hex()

    async def send(self, call: Call) -> Receipt:
        rpc = self.chain.reader.rpc
        tx_hash = await rpc.request("eth_sendRawTransaction", await self.raw(call))
        receipt = await self.chain.reader.wait_for_receipt(str(tx_hash))
        if not receipt.succeeded:
            await self.chain.reader.call(call, sender=self.address)
        assert receipt.succeeded
        return receipt
