"""Settings shared by all tests."""

import os
import signal

import pytest
from hypothesis import settings

# Started in the background by a shell, a run ignores Ctrl-C, and the programs that tests start and
# interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests run beside each other: threads of one array product would only wait for those of another's.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

settings.register_profile("default", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio unless they ask for both loops."""
    return "asyncio"
