"""A small market replayed through wallets, gateway, contracts and epochs, and held against it.

The one part of the simulator that reaches up to the floors which it simulates: each answer that a
world sold is sold again, over HTTP, to a wallet that pays by voucher; vouchers are claimed, vaults
divide, epochs are attributed, posted and claimed on an embedded chain; and what everybody then
holds on chain has to be what the vectorised engine gave them, to the atomic unit.

`replay.replay_on_chain` needs the extras `chain` and `marketplace`; the rest here doesn't.
"""

from headwater_simulations.stack.agreement import Line, Replay, compare
from headwater_simulations.stack.sizes import small

__all__ = ["Line", "Replay", "compare", "small"]
