"""A file of named arrays that is mapped rather than read, and that shows when it was changed.

Layout: 8 bytes `HWARRAY1`, the header's length (u32, little-endian), the SHA-256 of the header, the
header (JSON), then the arrays in the header's order, little-endian, each from a multiple of 64 on.
The header gives each array's type, count, offset and SHA-256. So the header's hash, the *digest*,
stands for the whole file, and the same arrays make the same bytes.
"""

import json
import mmap
import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headwater_attribution.errors import DamagedIndexError
from headwater_payments.errors import InvalidInputError
from headwater_payments.json_text import read_json

Array = npt.NDArray[np.generic]

_MAGIC = b"HWARRAY1"
_LEAD = struct.Struct("<8sI32s")
_ALIGNMENT = 64
_MAX_HEADER = 1 << 20
_READ = 1 << 20
_TYPES = {name: np.dtype(name) for name in ("|u1", "<u4", "<u8")}


@dataclass(frozen=True, slots=True)
class Section:
    """Where one array stands in the file."""

    name: str
    dtype: str
    count: int
    offset: int
    sha256: str

    @property
    def bytes(self) -> int:
        """Its length in bytes."""
        return self.count * _TYPES[self.dtype].itemsize


@dataclass(frozen=True, slots=True)
class Container:
    """An open file of arrays; nothing of them is in memory until it is used.

    Attributes:
        path: the file.
        digest: the SHA-256 of its header, in hexadecimal.
        arrays: by name, mapped, read-only.
        sections: by name.
    """

    path: Path
    digest: str
    arrays: Mapping[str, Array]
    sections: Mapping[str, Section]

    def check(self) -> None:
        """Read the file through once, in constant memory, against its hashes.

        Raises:
            DamagedIndexError: an array, or a gap between two, is not the one that was written.
        """
        self._check_gaps()
        for section in self.sections.values():
            found = sha256()
            view = as_bytes(self.arrays[section.name])
            for start in range(0, section.bytes, _READ):
                found.update(view[start : start + _READ])
            if found.hexdigest() != section.sha256:
                raise damaged(self.path, f"its {section.name} were altered")

    def _check_gaps(self) -> None:
        with self.path.open("rb") as file:
            at = _LEAD.unpack(file.read(_LEAD.size))[1] + _LEAD.size
            for section in self.sections.values():
                file.seek(at)
                if file.read(section.offset - at).strip(b"\0"):
                    raise damaged(self.path, "there is something between its arrays")
                at = section.offset + section.bytes


def write_container(directory: Path, suffix: str, arrays: Mapping[str, Array]) -> tuple[Path, str]:
    """Write the arrays to `<digest><suffix>`; the file appears whole or not at all.

    Returns the file and its digest.
    """
    plain = {name: _little_endian(array) for name, array in arrays.items()}
    header = _header(plain)
    digest = sha256(header).hexdigest()
    lead = _LEAD.pack(_MAGIC, len(header), bytes.fromhex(digest))
    path = directory / f"{digest}{suffix}"
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".writing-", delete=False) as file:
        try:
            at = file.write(lead + header)
            for array in plain.values():
                at += file.write(bytes(-at % _ALIGNMENT))
                at += file.write(as_bytes(array))
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return path, digest


def open_container(path: Path) -> Container:
    """Map a file that `write_container` wrote, after reading its header only.

    Raises:
        DamagedIndexError: there is no such file, or it is cut short, or its header was altered.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as exc:
        raise damaged(path, "it can't be opened or is empty") from exc
    header, digest = _read_header(path, mapped)
    try:
        sections = [Section(**entry) for entry in _entries(header)]
        arrays = {each.name: _mapped(mapped, each) for each in sections}
        end = max(each.offset + each.bytes for each in sections)
    except (InvalidInputError, ValueError, TypeError, KeyError, OverflowError) as exc:
        raise damaged(path, "its header does not fit its contents") from exc
    if end != len(mapped):
        raise damaged(path, "it is longer than its header says")
    return Container(path, digest, arrays, {each.name: each for each in sections})


def damaged(path: Path, why: str) -> DamagedIndexError:
    """The error that names the file and what is wrong with it."""
    return DamagedIndexError(
        f"The index file {path.name} is damaged: {why}; build the index again.", file=path.name
    )


def as_bytes(array: Array) -> memoryview:
    """The bytes of a contiguous array."""
    return array.data.cast("B") if array.size else memoryview(b"")


def _read_header(path: Path, mapped: mmap.mmap) -> tuple[bytes, str]:
    if len(mapped) < _LEAD.size:
        raise damaged(path, "it is cut short")
    magic, length, digest = _LEAD.unpack_from(mapped)
    header = mapped[_LEAD.size : _LEAD.size + length] if length <= _MAX_HEADER else b""
    if magic != _MAGIC or sha256(header).digest() != digest:
        raise damaged(path, "its header was altered or cut short")
    return header, digest.hex()


def _entries(header: bytes) -> list[dict[str, Any]]:
    entries: Any = read_json(header)
    return list(entries)


def _header(arrays: Mapping[str, Array]) -> bytes:
    """The header, whose own length decides where the first array begins."""
    entries = [
        {
            "name": name,
            "dtype": array.dtype.str,
            "count": array.size,
            "sha256": sha256(as_bytes(array)).hexdigest(),
        }
        for name, array in arrays.items()
    ]
    length = 0
    while True:  # offsets have digits, too
        at = _LEAD.size + length
        for entry, array in zip(entries, arrays.values(), strict=True):
            at += -at % _ALIGNMENT
            entry["offset"] = at
            at += array.nbytes
        header = json.dumps(entries, sort_keys=True, separators=(",", ":")).encode()
        if len(header) == length:
            return header
        length = len(header)


def _little_endian(array: Array) -> Array:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


def _mapped(mapped: mmap.mmap, section: Section) -> Array:
    if section.count < 0 or section.offset < 0:
        raise ValueError(section)
    return np.frombuffer(mapped, _TYPES[section.dtype], section.count, section.offset)
