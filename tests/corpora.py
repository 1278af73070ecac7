"""Test data that others wrote, beside the project: its folder `shared/corpora`, or where $HISBUS_SHARED points.

A machine that cannot have it skips those tests and says so; CI must have it.
"""

import os
from pathlib import Path

import pytest

_SHARED = Path(os.environ.get("HISBUS_SHARED", Path(__file__).resolve().parents[2] / "shared"))
CORPORA = _SHARED / "corpora"


def need() -> None:
    """Called by a module that reads the corpora: without them it is skipped as a whole."""
    if not CORPORA.is_dir() and "CI" not in os.environ:
        pytest.skip("no test corpora: put them in ../shared/corpora or set HISBUS_SHARED", allow_module_level=True)
