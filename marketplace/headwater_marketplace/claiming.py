"""Everything that an account is owed, over all assets, in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from headwater_attribution.bundle import EpochBundle
from headwater_contracts.clients.multicall3 import Multicall3Client
from headwater_contracts.clients.revenue_vault import Entitlement, RevenueVaultClient, SumProof
from headwater_contracts.deployments import Deployment
from headwater_contracts.reader import ChainReader
from headwater_marketplace.epochs import opening
from headwater_payments.address import Address, parse_address
from headwater_payments.hexadecimal import to_hex
from headwater_wallet.transactions import TransactionSender


@dataclass(frozen=True, slots=True)
class Owed:
    """What one vault owes at one position, atomic units of `token`."""

    vault: Address
    token: Address
    epoch: int
    leaf: Entitlement
    proof: SumProof
    amount: int


async def owed_to(
    account: Address,
    bundles: Iterable[EpochBundle],
    reader: ChainReader,
    passed_over: Callable[[EpochBundle, str], None] = lambda bundle, why: None,
) -> list[Owed]:
    """What the vaults of these bundles owe an account now; bundles that are not final are skipped.

    A vault is asked which root is final, so bundles of many epochs may lie beside each other.

    Args:
        account: whose leaves count.
        bundles: of any epochs and vaults.
        reader: of the chain.
        passed_over: told of each bundle with a leaf of the account that can't be claimed by, why.

    Raises:
        WrongContractError: a bundle names a vault that is none.
        UnavailableError: the chain does not answer.
    """
    found: list[Owed] = []
    chain_id = await reader.chain_id()
    for bundle in bundles:
        leaves = [leaf for leaf in bundle.leaves if parse_address(leaf.account) == account]
        if not leaves:
            continue
        if bundle.vault.chain_id != chain_id:
            passed_over(bundle, f"it is of chain {bundle.vault.chain_id}")
            continue
        vault = RevenueVaultClient(reader, bundle.vault.vault)
        final = await vault.final_root()
        if final is None or to_hex(final.hash) != bundle.root:
            why = "no root is" if final is None else f"that of epoch {final.epoch} is"
            passed_over(bundle, f"its root is not the vault's final one; {why}")
            continue
        for each in leaves:
            leaf, proof = opening(each)
            state = await vault.position(leaf.position)
            amount = await vault.due(leaf) - state.claimed
            if amount > 0:
                token = parse_address(bundle.vault.token)
                found.append(Owed(vault.address, token, bundle.epoch, leaf, proof, amount))
    return found


async def claim_everything(
    sender: TransactionSender, owed: Sequence[Owed], deployment: Deployment
) -> str | None:
    """Claim all of it at once; the units go to the accounts of the leaves, whoever sends.

    A vault that would refuse, for example because its token does, is left out.

    Returns:
        The transaction's hash; None when there is nothing to claim.

    Raises:
        TransactionPendingError: no receipt came in time; claiming again later is harmless.
    """
    calls = [
        RevenueVaultClient(sender.reader, each.vault).claim(each.leaf, each.proof) for each in owed
    ]
    batch = Multicall3Client(sender.reader, deployment.multicall3)
    answers = await batch.read(calls)
    calls = [call for call, answer in zip(calls, answers, strict=True) if answer.success]
    if not calls:
        return None
    receipt = await sender.send(batch.batch(calls, f"claim from {len(calls)} vaults"))
    return receipt.transaction_hash
