"""The official x402 package, unmodified, works with our contracts on either chain."""

from typing import Any

import anyio.to_thread
import pytest
from contracts.conftest import Party
from x402.mechanisms.evm.batch_settlement.authorizer_signer import LocalAuthorizerSigner
from x402.mechanisms.evm.batch_settlement.client.scheme import BatchSettlementEvmScheme
from x402.mechanisms.evm.batch_settlement.facilitator.scheme import BatchSettlementEvmFacilitator
from x402.mechanisms.evm.exact.client import ExactEvmScheme
from x402.mechanisms.evm.exact.facilitator import ExactEvmScheme as ExactEvmFacilitator
from x402.mechanisms.evm.signers import EthAccountSigner, FacilitatorWeb3Signer
from x402.schemas import PaymentPayload, PaymentRequirements

from headwater_contracts.chains.development import DevelopmentChain
from headwater_contracts.clients.batch_settlement import BatchSettlementClient
from headwater_contracts.clients.settlement_token import SettlementTokenClient
from headwater_contracts.deployments import Deployment
from headwater_payments.address import parse_address

pytestmark = pytest.mark.anyio
NETWORK = "eip155:84532"
RECEIVER = parse_address("0x" + "ab" * 20)


def requirements(deployment: Deployment, scheme: str, **extra: object) -> PaymentRequirements:
    return PaymentRequirements(
        scheme=scheme,
        network=NETWORK,
        asset=deployment.settlement_token,
        amount="1000",
        pay_to=RECEIVER,
        max_timeout_seconds=600,
        extra={"name": "USDC", "version": "2", **extra},
    )


def wrapped(accepted: PaymentRequirements, inner: dict[str, Any]) -> PaymentPayload:
    return PaymentPayload(x402_version=2, accepted=accepted, payload=inner)


async def test_its_channels_live_on_our_contracts(
    chain: DevelopmentChain, deployment: Deployment
) -> None:
    buyer, seller = await Party.funded(chain), await Party.funded(chain)
    token = SettlementTokenClient(chain.reader, deployment.settlement_token)
    channels = BatchSettlementClient(chain.reader, deployment.batch_settlement)
    await chain.send(token.mint(buyer.address, 1_000_000))
    accepted = requirements(
        deployment,
        "batch-settlement",
        receiverAuthorizer=seller.address,
        withdrawDelay=900,
    )

    def whole_life() -> str:
        """Synchronous, as the package is: deposit, voucher, claim, settle, refund."""
        client = BatchSettlementEvmScheme(EthAccountSigner(buyer.account))
        signer = FacilitatorWeb3Signer(bytes(seller.account.key).hex(), chain.url)
        facilitator = BatchSettlementEvmFacilitator(signer, LocalAuthorizerSigner(seller.account))

        inner = client.create_payment_payload(accepted)
        assert inner["type"] == "deposit"
        verified = facilitator.verify(wrapped(accepted, inner), accepted)
        assert verified.is_valid, verified
        settled = facilitator.settle(wrapped(accepted, inner), accepted)
        assert settled.success, settled
        assert settled.amount == inner["deposit"]["amount"] == "5000"

        row = {
            "voucher": {
                "channel": inner["channelConfig"],
                "maxClaimableAmount": inner["voucher"]["maxClaimableAmount"],
            },
            "signature": inner["voucher"]["signature"],
            "totalClaimed": "700",
        }
        claimed = facilitator.settle(
            wrapped(accepted, {"type": "claim", "claims": [row]}), accepted
        )
        assert claimed.success, claimed
        sweep = {"type": "settle", "receiver": RECEIVER, "token": accepted.asset}
        swept = facilitator.settle(wrapped(accepted, sweep), accepted)
        assert swept.success, swept

        # The rest of the voucher and the refund go in one multicall.
        refund = {
            "type": "refund",
            "channelConfig": inner["channelConfig"],
            "voucher": inner["voucher"],
            "amount": "9999",
            "refundNonce": "0",
            "claims": [{**row, "totalClaimed": "1000"}],
        }
        refunded = facilitator.settle(wrapped(accepted, refund), accepted)
        assert refunded.success, refunded
        assert refunded.amount == "4000"
        return str(inner["voucher"]["channelId"])

    channel_id = bytes.fromhex((await anyio.to_thread.run_sync(whole_life))[2:])
    state = await channels.channel(channel_id)
    assert (state.balance, state.total_claimed) == (1_000, 1_000)
    assert await channels.refund_nonce(channel_id) == 1
    assert await token.balance(RECEIVER) == 700
    assert await token.balance(buyer.address) == 999_000
    assert await token.balance(channels.address) == 300


async def test_its_exact_payments_move_our_token(
    chain: DevelopmentChain, deployment: Deployment
) -> None:
    buyer, seller = await Party.funded(chain), await Party.funded(chain)
    token = SettlementTokenClient(chain.reader, deployment.settlement_token)
    await chain.send(token.mint(buyer.address, 10_000))
    accepted = requirements(deployment, "exact")

    def pay_twice() -> tuple[bool, str]:
        client = ExactEvmScheme(EthAccountSigner(buyer.account))
        signer = FacilitatorWeb3Signer(bytes(seller.account.key).hex(), chain.url)
        facilitator = ExactEvmFacilitator(signer)
        payload = wrapped(accepted, client.create_payment_payload(accepted))
        first = facilitator.settle(payload, accepted)
        assert first.success, first
        second = facilitator.verify(payload, accepted)
        return second.is_valid, str(second.invalid_reason)

    valid, reason = await anyio.to_thread.run_sync(pay_twice)
    assert not valid
    assert reason == "invalid_exact_evm_nonce_already_used"
    assert await token.balance(RECEIVER) == 1_000
