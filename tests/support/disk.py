"""What SQLite has asked the disk to keep, and so what a power cut leaves: a shim under SQLite.

SQLite reaches its files through a table of functions (a VFS). While a `Disk` watches, every file is
opened through a copy of that table whose `xSync`, which is where fsync is called, is counted, and
copies what the file holds at that moment. After a power cut, what was written since is taken to be
lost, all of it. The product's own code, drivers and settings are at work, nothing is faked.

Not modelled: disks that lie about fsync, and directory entries of files that are new.
"""

import _sqlite3
import ctypes
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Final, Self

_VERSIONED_POINTERS: Final = 24
"""Room for the functions of every version of either table."""
_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int,
    *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p),
)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_ALIVE: list[Any] = []
"""Files may stay open after the watch: what their tables are made of must stay."""


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`, as far as it is read here."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", ctypes.c_void_p),
        ("rest", ctypes.c_void_p * _VERSIONED_POINTERS),
    )


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, as far as it is read here."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("close", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
        ("write", ctypes.c_void_p),
        ("truncate", ctypes.c_void_p),
        ("sync", ctypes.c_void_p),
        ("rest", ctypes.c_void_p * _VERSIONED_POINTERS),
    )


class Disk:
    """Watches every SQLite file that is opened in this process while the context lasts.

    Args:
        keep: keep what files hold, for `after_a_power_cut`; without it syncs are only counted.

    Attributes:
        syncs: how often each file was made durable, by its path.
    """

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        # The module that Python itself uses, and through it the library that it was built with.
        self._sqlite = ctypes.CDLL(_sqlite3.__file__)
        self._sqlite.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        self._lock = threading.Lock()
        self._kept: dict[str, bytes] = {}
        self._paths: dict[int, str] = {}
        self._methods: dict[int, _Methods] = {}
        self._real_sync: dict[int, Any] = {}
        self.syncs: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._real = self._sqlite.sqlite3_vfs_find(None)
        self._open = _OPEN(self._real.contents.open)
        self._watched = _Vfs()
        ctypes.memmove(ctypes.byref(self._watched), self._real, self._size(self._real.contents))
        self._callback = _OPEN(self._opened)
        self._watched.name = b"headwater-watched-disk"
        self._watched.open = ctypes.cast(self._callback, ctypes.c_void_p)
        _ALIVE.append(self)
        assert self._sqlite.sqlite3_vfs_register(ctypes.byref(self._watched), 1) == 0
        return self

    def __exit__(self, *_: object) -> None:
        self._sqlite.sqlite3_vfs_unregister(ctypes.byref(self._watched))
        assert self._sqlite.sqlite3_vfs_register(self._real, 1) == 0

    def after_a_power_cut(self, database: Path, target: Path) -> Path:
        """Write to `target` what would be found of a database if the power failed now."""
        with self._lock:
            for end in ("", "-wal"):
                kept = self._kept.get(str(database) + end)
                if kept is not None:
                    Path(str(target) + end).write_bytes(kept)
        return target

    @staticmethod
    def _size(vfs: _Vfs) -> int:
        functions = {1: 12, 2: 13, 3: 16}[vfs.version]
        return _Vfs.open.offset + functions * ctypes.sizeof(ctypes.c_void_p)

    def _opened(self, vfs: int, name: int, file: int, flags: int, out: int) -> int:
        answer = int(self._open(vfs, name, file, flags, out))
        methods = ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p)) if answer == 0 else None
        if methods is not None and name and methods[0]:
            with self._lock:
                self._paths[file] = ctypes.string_at(name).decode()
                methods[0] = ctypes.addressof(self._patched(methods[0]))
        return answer

    def _patched(self, real: int) -> _Methods:
        """The table of a kind of file, with a sync of our own."""
        if real not in self._methods:
            table = _Methods()
            version = ctypes.cast(real, ctypes.POINTER(ctypes.c_int))[0]
            functions = {1: 12, 2: 16, 3: 18}[version]
            size = _Methods.close.offset + functions * ctypes.sizeof(ctypes.c_void_p)
            ctypes.memmove(ctypes.byref(table), real, size)
            sync = _SYNC(table.sync)
            ours = _SYNC(lambda file, flags: self._synced(sync, file, flags))
            table.sync = ctypes.cast(ours, ctypes.c_void_p)
            self._methods[real] = table
            self._real_sync[real] = (sync, ours)
        return self._methods[real]

    def _synced(self, sync: Any, file: int, flags: int) -> int:
        path = self._paths[file]
        held = Path(path).read_bytes() if self._keep else b""
        answer = int(sync(file, flags))
        with self._lock:
            if answer == 0:
                self._kept[path] = held
                self.syncs[path] += 1
        return answer
