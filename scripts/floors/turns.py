"""Servers under load, taken in turns: the floors, the bus, and the sink they deliver to."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
OPEN = "select count(*) from deliveries where state not in ('delivered', 'refused', 'given_up', 'skipped')"


class Server:
    """A process that listens on a free port and keeps its rows in a folder of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hisbus-bench-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.database = self.folder / "rows.db"

    def command(self) -> tuple[list[str], dict[str, str]]:
        raise NotImplementedError

    def start(self) -> float:
        """Seconds until it accepts connections."""
        begun = time.perf_counter()
        command, environment = self.command()
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return time.perf_counter() - begun
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"{command[0]} did not start") from None
                time.sleep(0.002)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def memory(self) -> float:
        """Resident memory in MB, a second after the start."""
        assert self.process is not None
        time.sleep(1)
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def drain(self) -> float:
        """Seconds until nothing waits any more."""
        begun = time.perf_counter()
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as db:
            while db.execute(OPEN).fetchone()[0]:
                time.sleep(0.02)
        return time.perf_counter() - begun

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Floor(Server):
    """A floor program of this folder."""

    def __init__(self, program: str, *more: str) -> None:
        super().__init__()
        self.program, self.more = program, more

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, str(HERE / self.program), str(self.port), str(self.database), *self.more], dict(
            os.environ
        )


class Sink(Server):
    """Where both deliver to."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, str(HERE / "sink.py"), self.kind, str(self.port)], dict(os.environ)


class Bus(Server):
    """The bus on the site of the benchmarks; `listener` is the system whose port is loaded."""

    def __init__(self, settings: dict[str, str], listener: str) -> None:
        super().__init__()
        shutil.copytree(HERE / "site", self.folder, dirs_exist_ok=True)
        self.database = self.folder / "var" / "journal.db"
        self.settings = {
            "HISBUS_SECRET_JOURNAL_KEY": "only-a-benchmark-" * 4,
            "HISBUS_SECRET_BENCH_SECRET": "only-a-benchmark",
            f"HISBUS__SYSTEMS__{listener.upper()}__LISTEN": f"127.0.0.1:{self.port}",
            **settings,
        }

    def command(self) -> tuple[list[str], dict[str, str]]:
        command = [str(BIN / "hisbus"), "run", "--site", str(self.folder), "--env", "bench", "--json"]
        return command, {**os.environ, **self.settings}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_TURN = iter(range(1_000_000))


def load(server: Server, connections: int, seconds: float, program: str = "load.py") -> dict[str, float]:
    """One turn of load on a server: rate, p50, p99, processor time a message. `program` makes the load."""
    assert server.process is not None
    command = [
        sys.executable, str(HERE / program), "127.0.0.1", str(server.port), str(connections), str(seconds),
        str(server.process.pid), f"t{next(_TURN)}x",
    ]  # fmt: skip
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found
