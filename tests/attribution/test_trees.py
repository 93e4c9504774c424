from dataclasses import replace

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from headwater_attribution.corpus import Corpus, CorpusRow
from headwater_attribution.entitlement import (
    Entitlement,
    EntitlementTree,
    VaultDomain,
    detail_node,
    detail_root,
    entitlement_opens,
    prove_detail,
)
from headwater_attribution.evidence import RowId
from headwater_attribution.merkle import MerkleTree, verify_inclusion
from headwater_attribution.sumtree import EMPTY, MAX_SUM, SumNode, SumTree, join, opens
from headwater_payments.address import parse_address
from headwater_payments.errors import InvalidInputError

ALICE = parse_address("0x" + "a1" * 20)
BOB = parse_address("0x" + "b0" * 20)
DOMAIN = VaultDomain(84_532, parse_address("0x" + "11" * 20), parse_address("0x" + "22" * 20))


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_every_leaf_of_a_merkle_tree_is_proven_at_its_own_index_only(
    leaves: list[bytes], data: st.DataObject
) -> None:
    tree = MerkleTree(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = tree.prove(index)
    assert verify_inclusion(tree.root, tree.size, index, leaves[index], proof)
    assert not verify_inclusion(tree.root, tree.size + 1, index, leaves[index], proof)
    assert not verify_inclusion(tree.root, tree.size, index, leaves[index] + b"x", proof)
    assert not verify_inclusion(tree.root, tree.size, index, leaves[index], (*proof, bytes(32)))
    other = data.draw(st.integers(0, len(leaves) - 1))
    if leaves[other] != leaves[index]:
        assert not verify_inclusion(tree.root, tree.size, other, leaves[index], proof)


def test_a_merkle_tree_of_three_is_what_its_formula_says() -> None:
    from hashlib import sha256

    def leaf(data: bytes) -> bytes:
        return sha256(b"\x00" + data).digest()

    pair = sha256(b"\x01" + leaf(b"a") + leaf(b"b")).digest()
    top = sha256(b"\x01" + pair + leaf(b"c")).digest()
    assert (
        MerkleTree([b"a", b"b", b"c"]).root == sha256(b"\x02" + bytes(7) + b"\x03" + top).digest()
    )


def test_an_empty_tree_and_a_missing_leaf_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        MerkleTree([])
    with pytest.raises(InvalidInputError):
        MerkleTree([b"a"]).prove(1)


def row(sequence: int, text: str = "Return a copy.") -> CorpusRow:
    return CorpusRow(1, ALICE, "MIT", sequence, text)


def test_the_content_root_binds_contributor_licence_sequence_and_canonical_text() -> None:
    rows = [
        row(0),
        row(1),
        replace(row(0), contributor=BOB),
        replace(row(0), licence_id="MIT-0"),
        row(0, "Return the copy."),
    ]
    assert len({Corpus(1, 1, [each]).root for each in rows}) == len(rows)
    assert Corpus(1, 1, [row(0, "RETURN  a c\u043epy.")]).root == Corpus(1, 1, [row(0)]).root


def test_a_row_is_proven_in_its_version() -> None:
    corpus = Corpus(3, 2, [row(9, "nine"), row(4, "four"), row(7, "seven")])
    assert [each.text for each in corpus.rows] == ["four", "seven", "nine"]
    assert corpus.row(corpus.row_id(1)).text == "seven"
    assert verify_inclusion(corpus.root, 3, 1, corpus.rows[1].leaf(), corpus.prove(1))
    with pytest.raises(InvalidInputError):
        corpus.row(RowId(3, 1, 1))


def test_two_rows_with_one_sequence_number_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        Corpus(1, 1, [row(0), row(0, "other")])


def entitlements(amounts: list[int]) -> list[Entitlement]:
    return [
        Entitlement(
            position, parse_address(f"0x{position + 1:040x}"), amount, bytes([position % 256]) * 32
        )
        for position, amount in enumerate(amounts)
    ]


@given(st.lists(st.integers(0, 2**80), min_size=1, max_size=20), st.data())
def test_an_honest_entitlement_opens_and_a_changed_one_does_not(
    amounts: list[int], data: st.DataObject
) -> None:
    leaves = entitlements(amounts)
    tree = EntitlementTree(DOMAIN, leaves)
    root = SumNode(tree.root, tree.sum)
    assert tree.sum == sum(amounts)
    leaf = data.draw(st.sampled_from(leaves))
    proof = tree.prove(leaf.position)

    def holds(changed: Entitlement) -> bool:
        return entitlement_opens(DOMAIN, root, tree.depth, changed, proof)

    assert holds(leaf)
    assert not holds(replace(leaf, cumulative=leaf.cumulative + 1))
    assert not holds(replace(leaf, account=BOB))
    assert not holds(replace(leaf, detail_root=b"\xff" * 32))
    assert not holds(replace(leaf, position=leaf.position + 1))
    elsewhere = replace(DOMAIN, chain_id=1)
    assert not entitlement_opens(elsewhere, root, tree.depth, leaf, proof)


def test_a_leaf_and_its_node_are_packed_as_the_contract_packs_them() -> None:
    leaf = Entitlement(1, ALICE, 1_000, b"\x07" * 32)
    packed = bytes.fromhex(
        "00"
        f"{84_532:064x}"
        + "11" * 20
        + "22" * 20
        + "00000001"
        + "a1" * 20
        + f"{1_000:032x}"
        + "07" * 32
    )
    assert leaf.node(DOMAIN) == SumNode(keccak(packed), 1_000)
    tree = EntitlementTree(DOMAIN, [leaf])
    node = (
        bytes.fromhex("01" + "00" * 32 + "00" * 16) + keccak(packed) + (1_000).to_bytes(16, "big")
    )
    assert tree.root == keccak(node)
    assert tree.depth == 1


def test_two_leaves_cannot_share_one_sum() -> None:
    left, right = SumNode(keccak(b"l"), 60), SumNode(keccak(b"r"), 60)
    root = join(left, right)
    assert root.sum == 120
    assert not opens(SumNode(root.hash, 60), 1, 0, left, (right,))
    assert not opens(root, 1, 0, SumNode(left.hash, 120), (SumNode(right.hash, 0),))


def test_a_proof_has_the_depth_of_the_tree() -> None:
    tree = SumTree({0: SumNode(keccak(b"l"), 1), 2: SumNode(keccak(b"r"), 1)})
    leaf = SumNode(keccak(b"l"), 1)
    assert tree.depth == 2
    assert opens(tree.root, 2, 0, leaf, tree.prove(0))
    assert not opens(tree.root, 1, 0, leaf, tree.prove(0)[:1])
    assert not opens(tree.root, 3, 0, leaf, (*tree.prove(0), EMPTY))


def test_an_unused_slot_opens_as_empty_and_as_nothing_else() -> None:
    tree = EntitlementTree(DOMAIN, [entitlements([5, 6, 7])[2]])
    root = SumNode(tree.root, tree.sum)
    assert opens(root, tree.depth, 0, EMPTY, tree.prove(0))
    assert not opens(root, tree.depth, 2, EMPTY, tree.prove(2))


def test_one_position_makes_a_tree_without_levels() -> None:
    tree = EntitlementTree(DOMAIN, entitlements([5]))
    assert (tree.depth, tree.prove(0)) == (0, ())
    assert tree.root == entitlements([5])[0].node(DOMAIN).hash


def test_a_tree_never_becomes_shallower_than_asked() -> None:
    leaves = entitlements([5, 6])
    tree = EntitlementTree(DOMAIN, leaves, min_depth=4)
    assert tree.depth == 4
    assert entitlement_opens(DOMAIN, SumNode(tree.root, 11), 4, leaves[1], tree.prove(1))


def test_the_last_position_there_is_fits_and_the_next_does_not() -> None:
    node = SumNode(keccak(b"x"), MAX_SUM)
    tree = SumTree({2**32 - 1: node})
    assert tree.depth == 32
    assert opens(tree.root, 32, 2**32 - 1, node, tree.prove(2**32 - 1))
    with pytest.raises(InvalidInputError):
        SumTree({2**32: node})
    with pytest.raises(InvalidInputError):
        SumTree({0: node, 1: SumNode(keccak(b"y"), 1)})


def test_a_vault_promises_less_than_two_to_the_96() -> None:
    EntitlementTree(DOMAIN, entitlements([2**96 - 1]))
    with pytest.raises(InvalidInputError):
        EntitlementTree(DOMAIN, entitlements([2**96 - 1, 1]))


@given(
    st.dictionaries(
        st.binary(min_size=32, max_size=32), st.integers(0, 10**12), min_size=1, max_size=9
    )
)
def test_each_receipt_behind_an_increment_can_be_opened(amounts: dict[bytes, int]) -> None:
    root = SumNode(detail_root(amounts), sum(amounts.values()))
    for receipt_id, amount in amounts.items():
        position, proof = prove_detail(amounts, receipt_id)
        assert opens(root, len(proof), position, detail_node(receipt_id, amount), proof)
        assert not opens(root, len(proof), position, detail_node(receipt_id, amount + 1), proof)
    assert detail_root({}) == bytes(32)
