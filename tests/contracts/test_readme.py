"""The component's page runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "contracts" / "README.md"


def test_the_example_prints_what_the_page_says() -> None:
    match = re.search(r"```python\n(.*?)```\n```text\n(.*?)```", README.read_text(), re.DOTALL)
    assert match is not None
    code, printed = match.groups()
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout == printed, done.stderr


def test_the_base_does_not_need_the_chain_extra() -> None:
    modules = (
        "headwater_contracts.deployments",
        "headwater_contracts.chains.opening",
        "headwater_contracts.clients.revenue_vault",
    )
    extras = "{'eth', 'web3', 'eth_tester'}"
    code = f"import sys, {', '.join(modules)}; print({extras} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == "set()"
