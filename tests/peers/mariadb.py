"""A MariaDB server of Debian's package, in a folder of its own, for as long as a test session runs."""

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

_SETTINGS = (
    "--bind-address=127.0.0.1",
    "--character-set-server=utf8mb4",
    "--innodb-buffer-pool-size=16M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-log-file-size=4M",
)


def installed() -> bool:
    """Whether there is a server here."""
    return shutil.which("mariadbd") is not None and shutil.which("mariadb-install-db") is not None


@contextmanager
def running() -> Iterator[int]:
    """The port of a new server; user `root` over TCP without a password, database `site`."""
    folder = Path(tempfile.mkdtemp(prefix="hisbus-maria-"))
    data, socket, port = folder / "data", folder / "socket", free_port()
    # The server refuses to run as root unless told, which is who tests are in a container.
    user = ["--user=root"] if os.geteuid() == 0 else []
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
         "--skip-test-db", *user],
        check=True, **quiet,
    )  # fmt: skip
    server = subprocess.Popen(
        ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", f"--port={port}", *_SETTINGS, *user],
        **quiet,
    )
    try:
        _make_database(socket)
        yield port
    finally:
        server.send_signal(signal.SIGKILL)  # nothing of it is kept, and a clean end takes seconds
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _make_database(socket: Path) -> None:
    make = ["mariadb", "--no-defaults", f"--socket={socket}", "-uroot", "-e", "create database site"]
    for _ in range(600):
        if subprocess.run(make, check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.1)
    raise TimeoutError("MariaDB did not start")
