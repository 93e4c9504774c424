"""A bundle as Parquet tables: read back it is the same, and what is altered is refused or named."""

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest
from attribution.small_epoch import small_epoch
from typer.testing import CliRunner

from headwater_attribution.bundle import EpochBundle
from headwater_attribution.bundle_files import read_bundle
from headwater_attribution.bundle_tables import HEAD, TABLES, write_tables
from headwater_attribution.cli import app
from headwater_payments.errors import InvalidInputError


@pytest.fixture(scope="module")
def bundle() -> EpochBundle:
    return small_epoch()


@pytest.fixture
def directory(bundle: EpochBundle, tmp_path: Path) -> Path:
    write_tables(bundle, tmp_path / "epoch")
    return tmp_path / "epoch"


def test_what_is_read_back_is_the_bundle_that_was_written(
    bundle: EpochBundle, directory: Path
) -> None:
    assert read_bundle(directory) == bundle
    assert {each.name for each in directory.iterdir()} == {HEAD, *(f"{t}.parquet" for t in TABLES)}


def test_other_programs_sum_charges_and_shares(bundle: EpochBundle, directory: Path) -> None:
    receipts = pl.read_parquet(directory / "receipts.parquet")
    assert int(receipts["charge"].sum()) == sum(each.charge for each in bundle.receipts)
    shares = receipts.explode("shares").unnest("shares")
    paid = dict(shares.group_by("contribution_id").agg(pl.col("parts").sum()).iter_rows())
    assert paid == {
        number: sum(
            share.parts
            for receipt in bundle.receipts
            for share in receipt.attribution.shares
            if share.contribution_id == number
        )
        for number in (0, 1)
    }
    leaves = pl.read_parquet(directory / "leaves.parquet")
    assert int(leaves["cumulative"].sum()) == bundle.sum


def test_a_command_writes_tables_and_verify_reads_them(bundle: EpochBundle, tmp_path: Path) -> None:
    document, directory = tmp_path / "epoch.json", tmp_path / "tables"
    document.write_text(bundle.model_dump_json())
    run = CliRunner().invoke
    assert run(app, ["tables", str(document), str(directory)]).exit_code == 0
    again = run(app, ["tables", str(document), str(directory)])
    assert again.exit_code == 2
    assert "already" in again.stderr
    verified = run(app, ["verify", str(directory)])
    assert verified.exit_code == 0, verified.output
    assert f"All {len(bundle.leaves)} leaves hold." in verified.stdout


def test_a_table_that_was_altered_is_refused_and_one_that_is_named_anew_does_not_hold(
    bundle: EpochBundle, tmp_path: Path, directory: Path
) -> None:
    leaf = bundle.leaves[0]
    leaves = (leaf.model_copy(update={"cumulative": leaf.cumulative + 1}), *bundle.leaves[1:])
    other = tmp_path / "other"
    write_tables(bundle.model_copy(update={"leaves": leaves}), other)
    verdict = CliRunner().invoke(app, ["verify", str(other)])
    assert verdict.exit_code == 1
    (directory / "leaves.parquet").write_bytes((other / "leaves.parquet").read_bytes())
    with pytest.raises(InvalidInputError, match="not the one that"):
        read_bundle(directory)


@pytest.mark.parametrize("head", ["[]", "{}", '{"bundle": {"corpus": 1}, "sha256": {}}', "[" * 999])
def test_a_directory_that_holds_no_bundle_is_refused(head: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        read_bundle(tmp_path)
    (tmp_path / HEAD).write_text(head)
    with pytest.raises(InvalidInputError):
        read_bundle(tmp_path)


def test_a_file_that_is_no_table_is_refused(directory: Path) -> None:
    for raw in (b"PAR1", pl.DataFrame({"a": [1]}).serialize()):
        (directory / "rows.parquet").write_bytes(raw)
        head = json.loads((directory / HEAD).read_text())
        head["sha256"]["rows"] = hashlib.sha256(raw).hexdigest()
        (directory / HEAD).write_text(json.dumps(head))
        with pytest.raises(InvalidInputError, match="no table of rows"):
            read_bundle(directory)


def test_numbers_beyond_a_table_are_refused_and_not_rounded(
    bundle: EpochBundle, tmp_path: Path
) -> None:
    receipt = bundle.receipts[0].model_copy(update={"charge": 2**127})
    with pytest.raises(InvalidInputError, match="too large"):
        write_tables(bundle.model_copy(update={"receipts": (receipt,)}), tmp_path / "large")
    assert not (tmp_path / "large").exists()
