"""Where the programs of the npm toolchain are: forge and anvil, found without starting Node.js."""

import platform
import shutil
import sys
from pathlib import Path

SOLIDITY_ROOT = Path(__file__).resolve().parent.parent / "solidity"
"""The Solidity project; it exists in a checkout and not in an installed wheel."""

_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def find_program(name: str) -> Path | None:
    """The executable of a foundry program, or None.

    It is taken from the project's `node_modules`, where the platform's package holds the binary
    itself, else from PATH.
    """
    system = "win32" if sys.platform == "win32" else sys.platform
    machine = _MACHINES.get(platform.machine(), platform.machine())
    suffix = ".exe" if sys.platform == "win32" else ""
    packaged = SOLIDITY_ROOT / "node_modules" / "@foundry-rs" / f"{name}-{system}-{machine}"
    binary = packaged / "bin" / f"{name}{suffix}"
    if binary.is_file():
        return binary
    found = shutil.which(name)
    return Path(found) if found else None
