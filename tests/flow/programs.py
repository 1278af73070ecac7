"""The programs that run on a site: the bus and the simulated hospital, as real processes.

They are reached as their peers reach them. Nothing is left behind: what was started is stopped, or killed
when it does not stop.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.flow.site import PATIENCE, ROOT, ask_journal, eventually
from tests.peers.proxy import free_port

_NARROW = '{"narrow-app": {secret: narrow_app_secret, scopes: []}}'
_SETTINGS = {
    "messages.limits.total": "1s",  # below `absent_after` of the copied site, as in the real one
    "messages.breaker.pause": "300ms",
    "fhir.limits.total": "1s",
    "fhir.breaker.pause": "300ms",
    "channel.clients": _NARROW,
}


_NOBODY = "http://127.0.0.1:9"
"""Where nobody listens."""


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a bus, where a test has it."""

    gateway: str = _NOBODY
    repro: str = _NOBODY
    his: str = _NOBODY
    fhir: str = _NOBODY
    regulator: str = _NOBODY
    warehouse: str = ""
    """URL of the internet hospital's database; empty: the settings' own, which nobody has made."""
    push: int = 0
    """The port at which the bus hears the HIS; 0: a free one that nobody knows."""


def settings_of(mllp: int, http: int, around: Around) -> dict[str, str]:
    """What the environment sets over the site's settings."""
    values = {
        "results.listen": f"127.0.0.1:{mllp}",
        "channel.listen": f"127.0.0.1:{http}",
        "messages.url": around.gateway,
        "repro.url": around.repro,
        "his.url": around.his,
        "fhir.url": around.fhir,
        "regulator.url": around.regulator,
        **({"warehouse.url": around.warehouse} if around.warehouse else {}),
        "his.listen": f"127.0.0.1:{around.push or free_port()}",
        **_SETTINGS,
    }
    return environment_of({f"systems.{name}": value for name, value in values.items()})


def environment_of(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings by place, as variables of the environment."""
    return {"HISBUS__" + name.replace(".", "__").upper(): value for name, value in settings.items()}


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without settings that a developer may have made for a bus of his own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HISBUS")} | dict(more)


class Process(Protocol):
    """What runs a program; as subprocess has it."""

    def poll(self) -> int | None: ...
    def kill(self) -> None: ...
    def send_signal(self, number: signal.Signals, /) -> None: ...
    def wait(self, timeout: float, /) -> int: ...


class Bus:
    """`hisbus run` on a site. `program` is what is run instead, with the same arguments."""

    def __init__(
        self,
        site: Path,
        mllp: int,
        http: int,
        around: Around,
        program: tuple[str, ...] | None = None,
    ) -> None:
        self.site, self.mllp, self.http = site, mllp, http
        self.log = site.parent / f"{site.name}.log"
        self.environment = clean_environment(settings_of(mllp, http, around))
        self._program = program or (str(Path(sys.executable).parent / "hisbus"),)
        self._process: Process | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """How it ended; negative: the signal."""
        return self._process.poll() if self._process else None

    def begin(self, more: Mapping[str, str] | None = None) -> None:
        """Starts it and does not wait."""
        arguments = ["run", "--site", str(self.site), "--env", "sandbox", "--json"]
        self._process = self._launched(arguments, {**self.environment, **(more or {})})

    def _launched(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Process:
        with self.log.open("ab") as log:
            return subprocess.Popen([*self._program, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log)

    def start(self) -> None:
        """Starts it and waits until it accepts."""
        self.begin()
        eventually(self.ready, what=f"the bus accepts; its log: {self.log}")

    def ready(self) -> bool:
        assert self.alive, f"the bus ended with {self.code}: {self.said()[-2000:]}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> int:
        """SIGTERM, and how it ended."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)

    def said(self) -> str:
        """Its log, of all its lives."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def open(self) -> int:
        """Messages with a delivery that has not ended."""
        count: int = ask_journal(self.site, "select count(*) from messages where open > 0")[0][0]
        return count

    def close(self) -> None:
        if self._process is not None and self.alive:
            self.kill()


class Hospital:
    """`python -m sandbox`, on free ports."""

    def __init__(self, folder: Path, mllp: int, gateway_secret: Path, push: int) -> None:
        """`gateway_secret`: in the folder of the bus's secrets. `push`: the port of the bus to which its HIS pushes 停诊."""
        self.folder = folder
        self.warehouse = f"sqlite:///{folder / 'warehouse.db'}"
        self._command = [
            sys.executable, "-m", "sandbox", "--data", str(folder), "--base-port", "0", "--bus-mllp", f"127.0.0.1:{mllp}",
            "--gateway-secret-file", str(gateway_secret), "--ack-timeout", "2", "--backoff", "0.1",
            "--bus-his", f"http://127.0.0.1:{push}/his", "--warehouse", self.warehouse,
            "--regulator-secret-file", str(gateway_secret.with_name("regulator_secret")),
        ]  # fmt: skip

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=clean_environment({}),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        addresses = []
        for line in self._process.stdout:
            if line.startswith("ready"):
                break
            addresses.append(line.split()[0])
        else:
            raise AssertionError(f"the hospital did not start: {addresses}")
        self.page = addresses[0].rstrip("/")
        self.gateway = next(one for one in addresses if "/message/" in one).removesuffix("/api/message/send")
        self.his = next(one for one in addresses if one.endswith(".cls"))
        self.fhir = next(one for one in addresses if one.endswith("/fhir"))
        self.regulator = next(one for one in addresses if one.endswith("/openapi/api")).removesuffix("/api")
        self.repro = next(one for one in addresses if "/repro/" in one).removesuffix("/repro/api/v1/reports")

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """An act of the hospital. Raises AssertionError with its words where it will not."""
        request = urllib.request.Request(self.page + path, json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                done: dict[str, Any] = json.load(answer)
                return done
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def look(self, path: str, **query: Any) -> Any:
        """What the hospital knows."""
        with urllib.request.urlopen(f"{self.page}{path}?{urllib.parse.urlencode(query)}", timeout=PATIENCE) as answer:
            return json.load(answer)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
