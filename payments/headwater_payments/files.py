"""Files that somebody else may have made, read within bounds: no device, pipe or endless one."""

import errno
import os
import stat
from pathlib import Path


def read_file(path: Path, most: int) -> bytes:
    """The bytes of a regular file.

    Args:
        path: of the file, or of a link to it.
        most: bytes; nothing is read of a file that says it has more.

    Raises:
        OSError: it cannot be opened, is no regular file, or is too large; `strerror` says which.
    """
    # Opening a pipe that nobody writes to would wait.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        found = os.fstat(file.fileno())
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        # Some systems give 0 as the size of what they make up while it is read.
        content = b"" if found.st_size > most else file.read(most + 1)
        if max(found.st_size, len(content)) > most:
            raise OSError(errno.EFBIG, f"it has more than {most} bytes", str(path))
        return content
