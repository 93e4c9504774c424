"""Sell a typed function, charge by the word, and buy from it: one program, no key.

python examples/sell_a_function.py
"""

import anyio
from pydantic import BaseModel

from headwater.sandbox import open_asgi_sandbox
from headwater_agents.selling import Service, service_app
from headwater_marketplace.seller import current_meter
from headwater_payments.address import parse_address
from headwater_payments.amount import Asset

USDC = Asset(
    84532, parse_address("0x036CbD53842c5426634e7929541eC2318f3dCF7e"), "USDC", 6, "USDC", "2"
)
PER_WORD = 20
"""Atomic units."""


class Text(BaseModel):
    text: str


class Initials(BaseModel):
    initials: str


async def initials(given: Text) -> Initials:
    words = given.text.split()
    meter = current_meter()
    if meter is not None:
        meter.set_charge(min(meter.cap, PER_WORD * len(words)))
    return Initials(initials="".join(word[0].upper() for word in words))


SERVICE = Service(
    name="initials",
    description="The initials of a text.",
    price=USDC.amount("0.001"),
    pay_to=parse_address("0x" + "5e" * 20),
    takes=Text,
    gives=Initials,
    run=initials,
)


async def main() -> None:
    async with open_asgi_sandbox(service_app([SERVICE]), path=SERVICE.path) as box:
        async with box.wallet.client(base_url=box.url) as http:
            for text in ("drop by drop", "a river runs down to the sea"):
                answer = await http.post(SERVICE.path, json={"text": text})
                print(answer.json()["initials"], "for", text)
        print("charged:", (await box.wallet.budget()).charged, "atomic units")
        print("on chain:", await box.settle())


if __name__ == "__main__":
    anyio.run(main)
