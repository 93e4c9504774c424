"""Blocks, transactions, receipts and logs in the shapes of Ethereum's JSON-RPC."""

from eth.abc import SignedTransactionAPI
from eth_utils.address import to_checksum_address

from headwater_contracts.chains.evm import EvmChain
from headwater_contracts.chains.evm_records import MinedBlock, MinedTransaction


def hex_data(value: bytes) -> str:
    """Bytes as 0x-prefixed text."""
    return "0x" + bytes(value).hex()


def block_json(chain: EvmChain, block: MinedBlock | None, full: bool) -> object:
    """A block, with whole transactions or their hashes."""
    if block is None:
        return None
    header = block.header
    return {
        "number": hex(header.block_number),
        "hash": hex_data(header.hash),
        "parentHash": hex_data(header.parent_hash),
        "nonce": hex_data(header.nonce),
        "sha3Uncles": hex_data(header.uncles_hash),
        "logsBloom": hex_data(int(header.bloom).to_bytes(256, "big")),
        "transactionsRoot": hex_data(header.transaction_root),
        "stateRoot": hex_data(header.state_root),
        "receiptsRoot": hex_data(header.receipt_root),
        "miner": to_checksum_address(header.coinbase),
        "difficulty": hex(header.difficulty),
        "totalDifficulty": "0x0",
        "extraData": hex_data(header.extra_data),
        "size": hex(len(header.as_dict())),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "mixHash": hex_data(header.mix_hash),
        "baseFeePerGas": hex(block.base_fee_wei),
        "uncles": [],
        "transactions": [
            mined_json(chain, t) if full else hex_data(t.transaction.hash)
            for t in block.transactions
        ],
    }


def mined_json(chain: EvmChain, mined: MinedTransaction) -> dict[str, object]:
    """A transaction in its block."""
    return transaction_json(mined.transaction, chain.chain_id) | {
        "blockHash": hex_data(header_hash(chain, mined.block_number)),
        "blockNumber": hex(mined.block_number),
        "transactionIndex": hex(mined.index),
    }


def transaction_json(transaction: SignedTransactionAPI, chain_id: int) -> dict[str, object]:
    """A transaction that has no block yet."""
    return {
        "hash": hex_data(transaction.hash),
        "nonce": hex(transaction.nonce),
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
        "from": to_checksum_address(transaction.sender),
        "to": to_checksum_address(transaction.to) if transaction.to else None,
        "value": hex(transaction.value),
        "gas": hex(transaction.gas),
        "gasPrice": hex(transaction.max_fee_per_gas),
        "maxFeePerGas": hex(transaction.max_fee_per_gas),
        "maxPriorityFeePerGas": hex(transaction.max_priority_fee_per_gas),
        "input": hex_data(transaction.data),
        "type": hex(transaction.type_id or 0),
        "chainId": hex(chain_id),
        "accessList": [],
        "v": hex(transaction.y_parity),
        "r": hex(transaction.r),
        "s": hex(transaction.s),
    }


def receipt_json(chain: EvmChain, mined: MinedTransaction) -> dict[str, object]:
    """What a mined transaction did."""
    transaction = mined.transaction
    block = chain.block(mined.block_number)
    base_fee = block.base_fee_wei if block is not None else 0
    tip = min(transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas - base_fee)
    return {
        "transactionHash": hex_data(transaction.hash),
        "transactionIndex": hex(mined.index),
        "blockHash": hex_data(header_hash(chain, mined.block_number)),
        "blockNumber": hex(mined.block_number),
        "from": to_checksum_address(transaction.sender),
        "to": to_checksum_address(transaction.to) if transaction.to else None,
        "contractAddress": to_checksum_address(mined.created) if mined.created else None,
        "cumulativeGasUsed": hex(mined.gas_used),
        "gasUsed": hex(mined.gas_used),
        "effectiveGasPrice": hex(base_fee + tip),
        "type": hex(transaction.type_id or 0),
        "status": hex(int(mined.succeeded)),
        "logsBloom": hex_data(int(mined.receipt.bloom).to_bytes(256, "big")),
        "logs": log_rows(chain, mined),
    }


def log_rows(chain: EvmChain, mined: MinedTransaction) -> list[dict[str, object]]:
    """The logs of a mined transaction, in order."""
    return [
        {
            "address": to_checksum_address(log.address),
            "topics": [hex_data(topic.to_bytes(32, "big")) for topic in log.topics],
            "data": hex_data(log.data),
            "blockNumber": hex(mined.block_number),
            "blockHash": hex_data(header_hash(chain, mined.block_number)),
            "transactionHash": hex_data(mined.transaction.hash),
            "transactionIndex": hex(mined.index),
            "logIndex": hex(mined.first_log_index + offset),
            "removed": False,
        }
        for offset, log in enumerate(mined.receipt.logs)
    ]


def header_hash(chain: EvmChain, number: int) -> bytes:
    """The hash of the block of this number; empty if there is none."""
    block = chain.block(number)
    return bytes(block.header.hash) if block is not None else b""
