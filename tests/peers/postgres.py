"""A PostgreSQL server of Debian's package, in a folder of its own, for as long as a test session runs."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.proxy import free_port

_SETTINGS = {"listen_addresses": "127.0.0.1", "fsync": "off", "max_connections": "100", "log_min_messages": "fatal"}


def programs() -> Path | None:
    """Where the newest installed server's programs are."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def running(**settings: str) -> Iterator[int]:
    """The port of a new, empty server; user `postgres`, database `postgres`, no password."""
    bin_folder = programs()
    assert bin_folder is not None, "install PostgreSQL: apt-get install postgresql"
    folder = Path(tempfile.mkdtemp(prefix="hisbus-pg-"))
    port = free_port()
    # The server refuses to run as root, which is who tests are in a container.
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **user}
    make = [str(bin_folder / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
    subprocess.run(make, check=True, **quiet)
    options = [f"-c{name}={value}" for name, value in (_SETTINGS | settings).items()]
    server = subprocess.Popen(
        [str(bin_folder / "postgres"), "-D", str(data), "-p", str(port), f"-k{folder}", *options], **quiet
    )
    try:
        _await(bin_folder, port)
        yield port
    finally:
        server.send_signal(signal.SIGINT)  # "fast": does not wait for its clients
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _await(bin_folder: Path, port: int) -> None:
    ready = [str(bin_folder / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    for _ in range(200):
        if subprocess.run(ready, check=False).returncode == 0:
            return
        time.sleep(0.05)
    raise TimeoutError("PostgreSQL did not start")
