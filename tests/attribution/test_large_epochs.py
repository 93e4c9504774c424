import numpy as np
import pytest
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_attribution.attribution import Attribution, Share
from headwater_attribution.columns import NO_ACCOUNT, RuleColumns
from headwater_attribution.entitlement import VaultDomain, entitlement_opens, prove_detail
from headwater_attribution.epoch import Standing, entitlement_tree
from headwater_attribution.keccak import keccak_rows
from headwater_attribution.large_epoch import AccountColumns, LargeEpoch
from headwater_attribution.rules import BY_ROWS, CAUSES
from headwater_attribution.settlement import PaidShares, settle_receipts
from headwater_attribution.sum_columns import ColumnTree, NodeColumns
from headwater_attribution.sumtree import SumNode, SumTree
from headwater_payments.address import Address, parse_address
from headwater_payments.errors import InvalidInputError
from headwater_payments.hexadecimal import parse_hex

DOMAIN = VaultDomain(84_532, parse_address("0x" + "11" * 20), parse_address("0x" + "22" * 20))


def account(number: int) -> Address:
    return parse_address("0x" + keccak(number.to_bytes(4, "big"))[:20].hex())


@pytest.mark.parametrize("width", [0, 1, 49, 97, 135, 136, 137, 145, 271, 272])
def test_hashes_of_rows_are_those_of_one_call_each(width: int) -> None:
    rows = np.random.default_rng(width).integers(0, 256, (19, width), dtype=np.uint8)
    hashes = keccak_rows((b"\x07", rows), len(rows), threads=2)
    assert [each.tobytes() for each in hashes] == [keccak(b"\x07" + r.tobytes()) for r in rows]


def test_more_rows_than_one_block_takes_are_hashed_each_by_itself() -> None:
    rows = np.arange(40_000, dtype=">u4").view(np.uint8).reshape(-1, 4)
    hashes = keccak_rows((rows,), len(rows), threads=2)
    for index in (0, 16_383, 16_384, 32_768, 39_999):
        assert hashes[index].tobytes() == keccak(index.to_bytes(4, "big"))


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        keccak_rows((np.zeros((3, 4), dtype=np.uint8),), 4)


@given(st.lists(st.integers(0, 2**50), max_size=37), st.integers(0, 9))
def test_a_tree_of_columns_is_the_tree_of_its_nodes(sums: list[int], min_depth: int) -> None:
    hashes = [keccak(index.to_bytes(4, "big")) for index in range(len(sums))]
    flat = np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(-1, 32)
    columns = ColumnTree(NodeColumns(flat, np.array(sums, dtype=np.int64)), min_depth=min_depth)
    nodes = {i: SumNode(h, s) for i, (h, s) in enumerate(zip(hashes, sums, strict=True))}
    reference = SumTree(nodes, min_depth=min_depth)
    assert (columns.root, columns.depth) == (reference.root, reference.depth)
    for position in range(min(2**columns.depth, 64)):
        assert columns.prove(position) == reference.prove(position)


@st.composite
def epochs(draw: st.DrawFn) -> tuple[list[PaidShares], list[Address], list[int]]:
    """Receipts in the order of their ids, all accounts by position, and what the first earned."""
    stood = draw(st.integers(1, 6))
    before = [draw(st.integers(0, 10**9)) for _ in range(stood)]
    accounts = [account(number) for number in range(stood)]
    accounts += sorted(account(number) for number in range(stood, stood + 6))
    receipts = []
    for number in range(draw(st.integers(0, 9))):
        width = draw(st.integers(0, 4))
        shares = []
        for slot in range(width):
            parts = draw(st.integers(0, 25_000_000))
            low = draw(st.integers(0, parts))
            shares.append(Share(slot, draw(st.sampled_from(accounts)), parts, low, 10**8))
        receipts.append(
            PaidShares(
                f"0x{number * 7:064x}", draw(st.integers(0, 10**7)), Attribution(tuple(shares))
            )
        )
    return receipts, accounts, before


def large(receipts: list[PaidShares], accounts: list[Address], before: list[int]) -> LargeEpoch:
    slots = np.zeros((1, len(receipts), 4, 3), dtype=np.int64)
    slots[..., 0] = NO_ACCOUNT
    for r, receipt in enumerate(receipts):
        for k, share in enumerate(receipt.attribution.shares):
            # Who is paid nothing has no position yet; any other position serves as well.
            at = accounts.index(share.contributor) if share.contributor in accounts else 0
            slots[0, r, k] = at, share.parts, share.low
    columns = RuleColumns(
        charges=np.array([[receipt.money for receipt in receipts]], dtype=np.int64),
        accounts=slots[..., 0],
        parts=slots[..., 1],
        low=slots[..., 2],
        influence=np.zeros(slots.shape[:3], dtype=np.int64),
        rows=np.zeros((1, len(accounts)), dtype=np.int64),
    )
    addresses = np.frombuffer(b"".join(parse_hex(each) for each in accounts), dtype=np.uint8)
    earned = before + [0] * (len(accounts) - len(before))
    ids = np.frombuffer(b"".join(parse_hex(r.receipt_id) for r in receipts), dtype=np.uint8)
    return LargeEpoch(
        DOMAIN,
        AccountColumns(addresses.reshape(-1, 20), np.array(earned, dtype=np.int64)),
        ids.reshape(-1, 32),
        columns,
        CAUSES,
        min_depth=2,
    )


@settings(max_examples=60, deadline=None)
@given(epochs())
def test_a_large_epoch_is_the_epoch_that_is_closed_one_leaf_at_a_time(
    epoch: tuple[list[PaidShares], list[Address], list[int]],
) -> None:
    receipts, accounts, before = epoch
    earnings = settle_receipts(receipts, CAUSES, {})
    stood = accounts[: len(before)]
    accounts = stood + [each for each in accounts[len(before) :] if each in earnings.by_account]
    found = large(receipts, accounts, before)
    standing = Standing(tuple(stood), tuple(before), 2)
    expected = entitlement_tree(DOMAIN, standing, earnings)
    assert (found.root, found.depth) == (expected.root, expected.depth)
    assert found.sum == expected.sum == sum(before) + earnings.total
    assert found.unattributed == earnings.unattributed
    for position, leaf in expected.entitlements.items():
        assert found.leaf(position) == leaf
        proof = found.prove(position)
        assert entitlement_opens(DOMAIN, found.root_node, found.depth, leaf, proof)
        amounts = found.amounts(position)
        assert amounts == {
            parse_hex(key): value
            for key, value in earnings.by_account.get(leaf.account, {}).items()
        }
        for receipt_id in amounts:
            assert prove_detail(amounts, receipt_id)


def test_what_a_vault_could_not_take_is_refused() -> None:
    alice = account(1)
    receipts = [PaidShares(f"0x{n:064x}", 100, Attribution(())) for n in (1, 2)]
    with pytest.raises(InvalidInputError, match="in the order of their ids"):
        large(receipts[::-1], [alice], [])
    with pytest.raises(InvalidInputError, match="in the order of their ids"):
        large([receipts[0], receipts[0]], [alice], [])
    with pytest.raises(InvalidInputError, match=r"2\^63"):
        large(receipts, [alice, account(2)], [2**62, 2**62])
    with pytest.raises(InvalidInputError, match="less than nothing"):
        large(receipts, [alice], [-1])
    with pytest.raises(InvalidInputError, match="doesn't pay by receipt"):
        LargeEpoch(
            DOMAIN,
            AccountColumns(np.zeros((1, 20), np.uint8), np.zeros(1, np.int64)),
            np.zeros((0, 32), np.uint8),
            RuleColumns(
                *(np.zeros(s, np.int64) for s in [(1, 0), *[(1, 0, 1)] * 4, (1, 1)]),
            ),
            BY_ROWS,
        )
