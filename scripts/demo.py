"""Runs the bus with its simulated hospital: what `scripts/run` starts.

Makes keys of its own in `var/secrets` (nothing of a sandbox is secret, but the bus wants keys), starts
the hospital and the bus as two processes, says where everything is, and stops both on Ctrl-C.
"""

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEYS = {"journal_key": 32, "gateway_secret": 32, "demo_app_secret": 32, "north_app_secret": 32, "regulator_secret": 16}
"""The sandbox's secrets by name, in bytes; the regulator's is the key of a cipher that takes 16."""
PATIENCE = 30.0
HIS = "/dthealth/web/DHCExternalService.RegInterface.Service.SelfRegService.cls"
"""Where the simulated HIS speaks SOAP."""
SANDBOX = 9000
"""Where `scripts/sandbox` looks unless told."""
PATIENT = "0000000007"
"""One of the simulated hospital's patients, treated at its main campus."""


def main() -> int:
    options = _options()
    site = Path(options.site).resolve()
    data = site / "var"
    environment = _environment(options)
    processes: list[subprocess.Popen[bytes]] = []
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        _must_be_free(options)
        made = _make_keys(data / "secrets")
        processes.append(_hospital(options, data))
        _wait(f"http://127.0.0.1:{options.sandbox}/", processes[-1], "the simulated hospital")
        processes.append(
            subprocess.Popen([Path(sys.executable).parent / "hisbus", "run", "--site", site], env=environment)
        )
        _wait(f"http://127.0.0.1:{options.http}/readyz", processes[-1], "the bus")
        _say(options, made)
        while all(process.poll() is None for process in processes):
            time.sleep(0.2)
        raise RuntimeError("one of the two ended; what it said stands above")
    except KeyboardInterrupt:
        return 0
    except RuntimeError as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 3
    finally:
        _stop(processes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/run", description=__doc__)
    parser.add_argument("--site", default=str(ROOT), help="the site's folder (default: this project)")
    parser.add_argument("--http", type=int, default=8080, help="port of the channel API (8080)")
    parser.add_argument("--mllp", type=int, default=2575, help="port for results over MLLP (2575)")
    parser.add_argument("--push", type=int, default=8081, help="port at which the HIS pushes 停诊 (8081)")
    parser.add_argument("--sandbox", type=int, default=SANDBOX, help="first port of the simulated hospital (9000)")
    parser.add_argument("--traffic", type=int, default=0, help="results a minute that the hospital sends by itself (0)")
    return parser.parse_args()


def _must_be_free(options: argparse.Namespace) -> None:
    """Another program at one of the ports would answer in place of ours."""
    ports = {
        "--http": options.http,
        "--mllp": options.mllp,
        "--push": options.push,
        "--sandbox": options.sandbox,
    }
    for option, first in ports.items():
        for port in range(first, first + 6) if option == "--sandbox" else (first,):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise RuntimeError(f"port {port} cannot be had: {error.strerror}; choose with {option}") from error


def _make_keys(folder: Path) -> bool:
    """Random keys for this machine's sandbox, made once."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    missing = [name for name in KEYS if not (folder / name).exists()]
    for name in missing:
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(KEYS[name]), encoding="ascii")
    return bool(missing)


def _environment(options: argparse.Namespace) -> dict[str, str]:
    settings = {
        "HISBUS_ENV": "sandbox",
        "HISBUS__SYSTEMS__CHANNEL__LISTEN": f"127.0.0.1:{options.http}",
        "HISBUS__SYSTEMS__RESULTS__LISTEN": f"127.0.0.1:{options.mllp}",
        "HISBUS__SYSTEMS__MESSAGES__URL": f"http://127.0.0.1:{options.sandbox + 1}",
        "HISBUS__SYSTEMS__HIS__URL": f"http://127.0.0.1:{options.sandbox + 2}{HIS}",
        "HISBUS__SYSTEMS__HIS__LISTEN": f"127.0.0.1:{options.push}",
        "HISBUS__SYSTEMS__REPRO__URL": f"http://127.0.0.1:{options.sandbox + 3}",
        "HISBUS__SYSTEMS__FHIR__URL": f"http://127.0.0.1:{options.sandbox + 4}/fhir",
        "HISBUS__SYSTEMS__REGULATOR__URL": f"http://127.0.0.1:{options.sandbox + 5}/openapi",
    }
    return {**os.environ, **settings}


def _hospital(options: argparse.Namespace, data: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "sandbox", "--data", str(data / "sandbox"), "--base-port", str(options.sandbox),
        "--bus-mllp", f"127.0.0.1:{options.mllp}", "--bus-his", f"http://127.0.0.1:{options.push}/his",
        "--traffic", str(options.traffic),
        "--gateway-secret-file", str(data / "secrets" / "gateway_secret"),
        "--regulator-secret-file", str(data / "secrets" / "regulator_secret"),
        "--warehouse", f"sqlite:///{data / 'warehouse.db'}",
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT)


def _wait(url: str, process: subprocess.Popen[bytes], name: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{name} did not start; what it said stands above")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (TimeoutError, urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise RuntimeError(f"{name} did not answer at {url} within {PATIENCE:.0f} s")


def _say(options: argparse.Namespace, made: bool) -> None:
    """Every address with one line that works as it stands here, whatever the ports and the site."""
    usual = options.sandbox == SANDBOX
    hospital = "scripts/sandbox" if usual else f"scripts/sandbox --at http://127.0.0.1:{options.sandbox}"
    site = Path(options.site).resolve()
    hisbus, named = "scripts/hisbus", "" if site == ROOT else f" --site {site} --env sandbox"
    http = f"http://127.0.0.1:{options.http}"
    addresses = [
        (f"127.0.0.1:{options.mllp}", "MLLP: results from LIS and PACS", f"{hospital} publish lab --patient {PATIENT}"),
        (
            f"{http}/api/v1",
            "the channel API, signed callers",
            f"{hisbus} call report.list patientId={PATIENT} --campus main{named}",
        ),
        (f"{http}/api/v1/docs", "its page: open it in a browser", f"{hisbus} describe call{named}"),
        (
            "",
            "号源 to book, on the day that you write",
            f"{hisbus} call schedule.list deptId=1001 from=DAY to=DAY --campus main{named}",
        ),
        (f"{http}/readyz", "what works and what does not", f"curl -s {http}/readyz"),
        (f"{http}/metrics", "for Prometheus", f"curl -s {http}/metrics"),
        (
            f"http://127.0.0.1:{options.sandbox}/",
            "the simulated hospital's page: open it in a browser",
            f"{hospital} compare",
        ),
        (f"http://127.0.0.1:{options.sandbox + 1}/", "its message platform", f"{hospital} ledger gateway"),
        (
            f"http://127.0.0.1:{options.sandbox + 2}/",
            "its HIS, over SOAP: locks and bookings",
            f"{hospital} his orders",
        ),
        (
            f"http://127.0.0.1:{options.sandbox + 5}/openapi/api",
            "the regulator's platform: uploads of the internet hospital",
            f"{hospital} regulator compare",
        ),
        ("", "the internet hospital's database, var/warehouse.db", f"{hospital} warehouse counts"),
        (
            f"http://127.0.0.1:{options.sandbox + 4}/fhir",
            "its clinical data repository, FHIR R4",
            f"curl -s http://127.0.0.1:{options.sandbox + 4}/fhir/DiagnosticReport?identifier=http://hospital.example/id/main/report%7CREPORT",
        ),
        (f"http://127.0.0.1:{options.push}/his", "SOAP: the HIS pushes 停诊 here", f"{hospital} his pushes"),
        ("", "messages and where they stand", f"{hisbus} list{named}"),
        ("", "every hop of one of them (ID: its last column)", f"{hisbus} trace ID{named}"),
    ]
    print("\n(keys for this sandbox were made in var/secrets)" if made else "")
    print("hisbus runs with its simulated hospital. Ctrl-C stops both. Try, in another terminal:\n")
    for address, what, line in addresses:
        print(f"  {address:<36}{what}" if address else f"  {what}", line, sep="\n      ")
    print(flush=True)


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # impatience must not leave them behind
        signal.signal(again, signal.SIG_IGN)
    for process in reversed(processes):  # the bus first: it finishes what is under way
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in reversed(processes):
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    sys.exit(main())
