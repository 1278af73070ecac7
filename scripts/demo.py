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
NAMES = ("journal_key", "gateway_secret", "demo_app_secret", "north_app_secret")
PATIENCE = 30.0


def main() -> int:
    options = _options()
    site = Path(options.site)
    data = site / "var"
    made = _make_keys(data / "secrets")
    environment = _environment(options)
    processes: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    try:
        processes.append(_hospital(options, data))
        _wait(f"http://127.0.0.1:{options.sandbox}/", processes[-1], "the simulated hospital")
        processes.append(
            subprocess.Popen([Path(sys.executable).parent / "hisbus", "run", "--site", site], env=environment)
        )
        _wait(f"http://127.0.0.1:{options.http}/readyz", processes[-1], "the bus")
        _say(options, made)
        while all(process.poll() is None for process in processes):
            time.sleep(0.2)
        return 3
    except KeyboardInterrupt:
        return 0
    except RuntimeError as error:
        print(f"\n{error}", file=sys.stderr)
        return 3
    finally:
        _stop(processes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/run", description=__doc__)
    parser.add_argument("--site", default=str(ROOT), help="the site's folder (default: this project)")
    parser.add_argument("--http", type=int, default=8080, help="port of the channel API (8080)")
    parser.add_argument("--mllp", type=int, default=2575, help="port for results over MLLP (2575)")
    parser.add_argument("--sandbox", type=int, default=9000, help="first port of the simulated hospital (9000)")
    parser.add_argument("--traffic", type=int, default=0, help="results a minute that the hospital sends by itself (0)")
    return parser.parse_args()


def _make_keys(folder: Path) -> bool:
    """Random keys for this machine's sandbox, made once."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    missing = [name for name in NAMES if not (folder / name).exists()]
    for name in missing:
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), encoding="ascii")
    return bool(missing)


def _environment(options: argparse.Namespace) -> dict[str, str]:
    settings = {
        "HISBUS_ENV": "sandbox",
        "HISBUS__SYSTEMS__CHANNEL__LISTEN": f"127.0.0.1:{options.http}",
        "HISBUS__SYSTEMS__RESULTS__LISTEN": f"127.0.0.1:{options.mllp}",
        "HISBUS__SYSTEMS__MESSAGES__URL": f"http://127.0.0.1:{options.sandbox + 1}",
    }
    return {**os.environ, **{name: value for name, value in settings.items() if name not in os.environ}}


def _hospital(options: argparse.Namespace, data: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "sandbox", "--data", str(data / "sandbox"), "--base-port", str(options.sandbox),
        "--bus-mllp", f"127.0.0.1:{options.mllp}", "--traffic", str(options.traffic),
        "--gateway-secret-file", str(data / "secrets" / "gateway_secret"),
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
        except (urllib.error.URLError, ConnectionError, socket.timeout):
            time.sleep(0.05)
    raise RuntimeError(f"{name} did not answer at {url} within {PATIENCE:.0f} s")


def _say(options: argparse.Namespace, made: bool) -> None:
    hospital, http = options.sandbox, options.http
    lines = [
        "",
        "hisbus runs with its simulated hospital. Ctrl-C stops both.",
        "",
        f"  MLLP     127.0.0.1:{options.mllp:<8} results from LIS and PACS   scripts/sandbox publish lab",
        f"  HTTP     http://127.0.0.1:{http}/api/v1   channel API   scripts/hisbus call report.list --patient P000001",
        f"  health   http://127.0.0.1:{http}/readyz   what works and what does not   curl -s http://127.0.0.1:{http}/readyz",
        f"  metrics  http://127.0.0.1:{http}/metrics   Prometheus",
        f"  hospital http://127.0.0.1:{hospital}/   what the hospital saw: open it in a browser",
        f"  gateway  http://127.0.0.1:{hospital + 1}/   message platform, its ledger: scripts/sandbox ledger gateway",
        "",
        "  scripts/hisbus list            messages and where they stand",
        "  scripts/hisbus trace <id>      every hop of one message",
        "",
    ]
    if made:
        lines.insert(1, "(keys for this sandbox were made in var/secrets)")
    print("\n".join(lines), flush=True)


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
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
