"""Closing an epoch of a million contributors: shares → payouts → tree → root and any proof.

    python benchmarks/epochs.py --contributors 1000000

Times are wall-clock seconds of one process with as many threads as processors, compiling included.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from headwater_attribution.attribution import Attribution, Share
from headwater_attribution.columns import RuleColumns
from headwater_attribution.entitlement import VaultDomain, entitlement_opens, prove_detail
from headwater_attribution.epoch import Standing, entitlement_tree
from headwater_attribution.keccak import Bytes
from headwater_attribution.large_epoch import AccountColumns, LargeEpoch
from headwater_attribution.rules import CAUSES
from headwater_attribution.settlement import PaidShares, settle_receipts
from headwater_payments.address import Address, parse_address
from headwater_payments.split import PARTS

DOMAIN = VaultDomain(84_532, parse_address("0x" + "11" * 20), parse_address("0x" + "22" * 20))
PROOFS = 1_000


def main() -> None:
    options = _options()
    rng = np.random.default_rng(options.seed)
    accounts, ids, columns = _epoch(rng, options.contributors, options.causes)
    seconds: dict[str, float] = {}
    with _timed(seconds, "shares to root"):
        epoch = LargeEpoch(DOMAIN, accounts, ids, columns, CAUSES)
    sample = rng.integers(0, options.contributors, PROOFS).tolist()
    with _timed(seconds, f"{PROOFS} proofs"):
        proofs = [epoch.prove(position) for position in sample]
    for position, proof in zip(sample, proofs, strict=True):
        leaf, amounts = epoch.leaf(position), epoch.amounts(position)
        assert entitlement_opens(DOMAIN, epoch.root_node, epoch.depth, leaf, proof)
        assert sum(amounts.values()) == leaf.cumulative - int(accounts.cumulative[position])
        assert all(prove_detail(amounts, key)[0] < len(amounts) for key in amounts)
    paid = epoch.sum - int(accounts.cumulative.sum())
    assert paid + epoch.unattributed == int(columns.charges.sum())
    _check_against_reference(rng)
    result = {
        "contributors": options.contributors,
        "receipts": len(ids),
        "causes": int((columns.parts > 0).sum()),
        "depth": epoch.depth,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        // (1024 if sys.platform != "darwin" else 1024**2),
        "processors": os.cpu_count(),
        "load": [round(each, 1) for each in os.getloadavg()],
    }
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contributors", type=int, default=1_000_000)
    parser.add_argument("--causes", type=int, default=8, help="of each receipt")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--json", type=Path, default=None)
    return parser.parse_args()


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start


def _epoch(
    rng: np.random.Generator, contributors: int, causes: int
) -> tuple[AccountColumns, Bytes, RuleColumns]:
    """Everybody caused two answers on the average, and earned something before."""
    receipts = max(2 * contributors // causes, 1)
    raw = np.frombuffer(rng.bytes(32 * receipts), dtype=np.uint8).reshape(-1, 32)
    ids = raw[np.lexsort(np.ascontiguousarray(raw).view(">u8").T[::-1])]
    parts = rng.integers(1, PARTS // causes, (1, receipts, causes))
    columns = RuleColumns(
        charges=rng.integers(1_000, 1_000_000, (1, receipts)),
        accounts=rng.integers(0, contributors, (1, receipts, causes)),
        parts=parts,
        low=parts // 2,
        influence=np.zeros_like(parts),
        rows=np.ones((1, contributors), dtype=np.int64),
    )
    addresses = np.frombuffer(rng.bytes(20 * contributors), dtype=np.uint8).reshape(-1, 20)
    return AccountColumns(addresses, rng.integers(0, 10**9, contributors)), ids, columns


def _check_against_reference(rng: np.random.Generator) -> None:
    """The same epoch, made one leaf at a time, has the same root."""
    before, ids, columns = _epoch(rng, 3_000, 8)
    found = LargeEpoch(DOMAIN, before, ids, columns, CAUSES)
    names: list[Address] = [found.leaf(position).account for position in range(3_000)]
    receipts = [
        PaidShares(
            "0x" + ids[r].tobytes().hex(),
            int(columns.charges[0, r]),
            Attribution(
                tuple(
                    Share(
                        k,
                        names[columns.accounts[0, r, k]],
                        int(columns.parts[0, r, k]),
                        int(columns.low[0, r, k]),
                        PARTS,
                    )
                    for k in range(8)
                )
            ),
        )
        for r in range(len(ids))
    ]
    standing = Standing(tuple(names), tuple(before.cumulative.tolist()))
    expected = entitlement_tree(DOMAIN, standing, settle_receipts(receipts, CAUSES, {}))
    assert (found.root, found.sum, found.depth) == (expected.root, expected.sum, expected.depth)


if __name__ == "__main__":
    main()
