"""`python -m sandbox`: starts the simulated hospital, says where everything is, and stops on Ctrl-C or SIGTERM."""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from sandbox.hospital import Hospital, Settings
from sandbox.outbox import Pace


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A simulated hospital for the bus.")
    parser.add_argument("--data", type=Path, default=Path("sandbox-data"), help="where its database lies")
    parser.add_argument("--host", default="127.0.0.1", help="the address it listens at")
    parser.add_argument(
        "--base-port", type=int, default=9000, help="its page; the others are the next ports (0: free ports)"
    )
    parser.add_argument("--bus-mllp", default="127.0.0.1:2575", metavar="HOST:PORT", help="where its senders send to")
    parser.add_argument(
        "--bus-his", default="http://127.0.0.1:8081/his", metavar="URL", help="where its HIS pushes 停诊 ('': nowhere)"
    )
    parser.add_argument("--seed", type=int, default=1, help="same seed, same town")
    parser.add_argument("--traffic", type=float, default=0.0, metavar="N", help="new reports a minute, by itself")
    parser.add_argument("--gateway-app", default="hisbus", help="the app id that may call the gateway")
    parser.add_argument(
        "--gateway-secret-file", type=Path, help="its secret; default DATA/gateway.secret, made when absent"
    )
    parser.add_argument(
        "--regulator-secret-file",
        type=Path,
        help="the secret of the regulator's channel; default DATA/regulator.secret, made when absent",
    )
    parser.add_argument(
        "--warehouse",
        default="",
        metavar="URL",
        help="the internet hospital's database: sqlite:///, postgresql:// or mariadb://; default DATA/warehouse.db",
    )
    parser.add_argument("--ack-timeout", type=float, default=15.0, help="seconds a sender waits for an acknowledgement")
    parser.add_argument("--backoff", type=float, default=1.0, help="seconds before the first new try; doubles up to 30")
    parser.add_argument("--same-time", action="store_true", help="re-sends keep their MSH-7 (default: a new one)")
    return parser


def settings(options: argparse.Namespace) -> Settings:
    host, _, port = str(options.bus_mllp).rpartition(":")
    return Settings(
        data=options.data,
        host=options.host,
        base_port=options.base_port,
        bus=(host or "127.0.0.1", int(port)),
        bus_his=options.bus_his,
        seed=options.seed,
        traffic=options.traffic,
        gateway_app=options.gateway_app,
        gateway_secret_file=options.gateway_secret_file,
        regulator_secret_file=options.regulator_secret_file,
        warehouse=options.warehouse,
        pace=Pace(ack_timeout=options.ack_timeout, backoff=options.backoff, fresh_time=not options.same_time),
    )


async def run(chosen: Settings) -> None:
    """Lives until it is told to stop."""
    hospital = Hospital(chosen)
    await hospital.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(number, stop.set)
    for address, hint in hospital.addresses():
        sys.stdout.write(f"{address:45} {hint}\n")
    sys.stdout.write("ready; Ctrl-C stops it\n")
    sys.stdout.flush()
    try:
        await stop.wait()
    finally:
        await hospital.stop()


def main() -> int:
    parser = arguments()
    options = parser.parse_args()
    try:
        chosen = settings(options)
    except ValueError:
        parser.error("--bus-mllp is HOST:PORT")
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(run(chosen))
        except (OSError, ValueError) as error:
            sys.stderr.write(f"cannot start: {error}\n")
            return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
