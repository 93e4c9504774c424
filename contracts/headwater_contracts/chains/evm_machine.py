"""py-evm set up as a chain of one node with Prague's rules."""

import os
from typing import cast

from eth.abc import BlockAPI, BlockHeaderAPI
from eth.chains.base import MiningChain
from eth.consensus.applier import ConsensusApplier
from eth.consensus.noproof import NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.typing import AccountDetails, HeaderParams
from eth.vm.forks.prague import PragueVM
from eth_typing import Address

from headwater_contracts.chains.development import BLOCK_GAS_LIMIT

_GENESIS_WEI = 10**30


def new_chain(chain_id: int, funded: bytes, timestamp: int) -> MiningChain:
    """A chain in memory with nothing but its genesis block.

    Args:
        chain_id: in the EVM and in signatures.
        funded: the one account with a balance, 10^30 wei.
        timestamp: of the genesis block, unix seconds.
    """
    chain = _chain_class(chain_id).from_genesis(
        AtomicDB(),
        {
            "coinbase": bytes(20),
            "difficulty": 0,
            "extra_data": b"",
            "gas_limit": BLOCK_GAS_LIMIT,
            "mix_hash": os.urandom(32),
            "nonce": bytes(8),
            "timestamp": timestamp,
        },
        {Address(funded): _account(_GENESIS_WEI)},
    )
    return cast("MiningChain", chain)


def _chain_class(chain_id_: int) -> type[MiningChain]:
    consensus = ConsensusApplier(NoProofConsensus)

    class OneNodeVM(PragueVM):
        def validate_block(self, block: BlockAPI) -> None:
            """Every block comes from this node; equal timestamps are meant."""

    class OneNodeChain(MiningChain):
        chain_id = chain_id_
        vm_configuration = consensus.amend_vm_configuration(((0, OneNodeVM),))

        def create_header_from_parent(
            self, parent_header: BlockHeaderAPI, **header_params: HeaderParams
        ) -> BlockHeaderAPI:
            header_params.setdefault("gas_limit", parent_header.gas_limit)
            return super().create_header_from_parent(parent_header, **header_params)

        def validate_block(self, block: BlockAPI) -> None:
            """As for the machine above."""

    return OneNodeChain


def _account(wei: int) -> AccountDetails:
    return {"balance": wei, "nonce": 0, "code": b"", "storage": {}}
