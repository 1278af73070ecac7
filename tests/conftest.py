"""What every test gains by: the programs that it starts find their modules compiled, and what stands for the whole run
(libraries, the collected tests) is not looked through for garbage again and again.
"""

import gc
import os
import sys

_YOUNG = 50_000
"""Objects made and not given back before the youngest are collected: a site's texts make as many at once."""

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 20)
