"""The `x402` package's own client, unmodified, buys from a seller of ours.

python examples/official_client.py      (needs the development requirements)
"""

import anyio
from eth_account import Account
from x402 import x402Client
from x402.http.clients.httpx import x402HttpxClient
from x402.mechanisms.evm.batch_settlement.client import BatchSettlementEvmScheme
from x402.mechanisms.evm.signers import EthAccountSignerWithRPC

from headwater.sandbox import open_sandbox
from headwater_payments.address import parse_address


async def backwards(text: object) -> str:
    return str(text)[::-1]


async def main() -> None:
    async with open_sandbox(backwards, price="0.001") as box:
        account = Account.create()
        await box.fund(parse_address(account.address), "1")
        client = x402Client()
        signer = EthAccountSignerWithRPC(account, box.rpc_url)
        client.register(box.asset.network, BatchSettlementEvmScheme(signer))
        async with x402HttpxClient(client, timeout=60) as http:
            for word in ("river", "delta"):
                print((await http.post(box.url, json=word)).json())
        print("on chain:", await box.settle())


if __name__ == "__main__":
    anyio.run(main)
