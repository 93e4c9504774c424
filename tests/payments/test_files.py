"""Files are read within bounds, whatever stands at the path."""

import os
from pathlib import Path

import pytest

from headwater_payments.files import read_file


def test_a_file_of_just_the_bytes_that_are_allowed_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_file(tmp_path / "file", 5) == read_file(tmp_path / "link", 5) == b"12345"
    with pytest.raises(OSError, match="it has more than 4 bytes"):
        read_file(tmp_path / "file", 4)


def test_a_file_that_does_not_say_its_size_is_bounded_too() -> None:
    assert read_file(Path("/proc/self/status"), 10**6)
    with pytest.raises(OSError, match="it has more than 3 bytes"):
        read_file(Path("/proc/self/status"), 3)


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="it is no regular file"):
            read_file(path, 100)
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path, 100)


def test_a_file_far_too_large_is_not_read_at_all(tmp_path: Path) -> None:
    with (tmp_path / "vast").open("wb") as vast:
        vast.truncate(2**40)
    with pytest.raises(OSError, match="it has more than 10 bytes"):
        read_file(tmp_path / "vast", 10)
