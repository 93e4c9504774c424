"""Contracts are at the addresses that public clients expect, as if they had been created there."""

import pytest
from contracts.conftest import require_program
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from x402.mechanisms.evm.batch_settlement.constants import (
    BATCH_SETTLEMENT_ADDRESS,
    ERC3009_DEPOSIT_COLLECTOR_ADDRESS,
    PERMIT2_DEPOSIT_COLLECTOR_ADDRESS,
)
from x402.mechanisms.evm.constants import (
    MULTICALL3_ADDRESS,
    PERMIT2_ADDRESS,
    X402_EXACT_PERMIT2_PROXY_ADDRESS,
    X402_UPTO_PERMIT2_PROXY_ADDRESS,
)

from headwater_contracts.artifacts import CONTRACTS, load_artifact
from headwater_contracts.build import stale_artifacts
from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.chains.local import LocalChain
from headwater_contracts.clients.batch_settlement import BatchSettlementClient, VoucherClaim
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.clients.vault_factory import RevenueVaultFactoryClient
from headwater_contracts.deployments import Deployment, deploy_development_contracts
from headwater_payments.address import Address, parse_address
from headwater_payments.channels import deposit_nonce
from headwater_payments.errors import InvalidInputError
from headwater_payments.structs import ChannelConfig

pytestmark = pytest.mark.anyio


def domain_separator(name: str, version: str, contract: Address) -> bytes:
    type_hash = keccak(
        text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    )
    return keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [type_hash, keccak(text=name), keccak(text=version), 84532, contract],
        )
    )


async def test_the_domains_are_those_of_the_addresses(
    chain: DevelopmentChain, deployment: Deployment
) -> None:
    token = SettlementTokenClient(chain.reader, deployment.settlement_token)
    assert (await token.name(), await token.version(), await token.decimals()) == ("USDC", "2", 6)
    assert await token.domain_separator() == domain_separator("USDC", "2", token.address)
    channels = BatchSettlementClient(chain.reader, deployment.batch_settlement)
    separator = domain_separator("x402 Batch Settlement", "1", channels.address)
    typehash = keccak(text="Voucher(bytes32 channelId,uint128 maxClaimableAmount)")
    struct = keccak(typehash + encode(["bytes32", "uint128"], [bytes(32), 5]))
    assert await channels.voucher_digest(bytes(32), 5) == keccak(b"\x19\x01" + separator + struct)


async def test_the_addresses_are_the_packages(deployment: Deployment) -> None:
    assert deployment.batch_settlement == BATCH_SETTLEMENT_ADDRESS
    assert deployment.deposit_collector == ERC3009_DEPOSIT_COLLECTOR_ADDRESS
    assert deployment.multicall3 == parse_address(MULTICALL3_ADDRESS)
    assert deployment.permit2 == PERMIT2_ADDRESS
    assert deployment.exact_permit2_proxy == parse_address(X402_EXACT_PERMIT2_PROXY_ADDRESS)
    assert deployment.upto_permit2_proxy == parse_address(X402_UPTO_PERMIT2_PROXY_ADDRESS)
    assert deployment.permit2_deposit_collector == parse_address(PERMIT2_DEPOSIT_COLLECTOR_ADDRESS)


async def test_the_public_vectors_hold_on_chain(
    chain: DevelopmentChain, deployment: Deployment
) -> None:
    ones, threes, fours, fives = (parse_address("0x" + d * 40) for d in "1345")
    config = ChannelConfig(ones, ones, threes, fours, fives, 900, bytes(32))
    channels = BatchSettlementClient(chain.reader, deployment.batch_settlement)
    channel_id = await channels.channel_id(config)
    assert channel_id.hex() == "5aa0c653042e33ac01a3e944daa7f9a9db4153a203423551757927bca6a8fc93"
    voucher = await channels.voucher_digest(channel_id, 1_000)
    assert voucher.hex() == "beff2905f91d80520e5393b1e6aa65c14c4cf4f6e9c36eab64b49a90953873e2"
    batch = await channels.claim_batch_digest([VoucherClaim(config, 1_000, b"", 500)])
    assert batch.hex() == "fecd0b3504fb3b63b76003ba280d5303975ed18f1e0332b42b2428389b3569e4"
    refund = await channels.refund_digest(channel_id, 0, 500)
    assert refund.hex() == "c1a94fb1c3b10ade231ee6347ba905daef6c2ce0217deb1901d7f61960e49a49"
    nonce = deposit_nonce(bytes.fromhex("11" * 32), 1)
    assert nonce.hex() == "7deb3b60ec0f1bf56dbdd0ffedbadafddeaa08947884ff0f215ce93ee1826102"


async def test_construction_wrote_the_storage_too(
    chain: DevelopmentChain, deployment: Deployment
) -> None:
    factory = RevenueVaultFactoryClient(chain.reader, deployment.vault_factory)
    assert await factory.is_allowed_token(deployment.settlement_token)
    assert not await factory.is_allowed_token(deployment.multicall3)
    assert await chain.reader.code(await factory.implementation(deployment.settlement_token))


async def test_canonical_addresses_belong_to_their_chain() -> None:
    async with await LocalChain.start(chain_id=31337) as chain:
        with pytest.raises(InvalidInputError, match="84532"):
            await deploy_development_contracts(chain)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_artifacts_are_what_the_sources_compile_to() -> None:
    require_program("forge")
    assert stale_artifacts() == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("name", CONTRACTS)
async def test_artifacts_say_what_they_were_compiled_from(name: str) -> None:
    artifact = load_artifact(name)
    assert artifact.creation_code
    assert len(artifact.source_hash) == 64
    assert str(artifact.compiler["version"]).startswith("0.8.36+")
    assert artifact.compiler["evmVersion"] == "cancun"
