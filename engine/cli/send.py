"""`hisbus send <system> file`: delivers a file to a running bus the way a peer would, and shows the answer."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import click

from engine.base.errors import Exit
from engine.cli.listeners import adapter_of, reach
from engine.cli.say import CannotRun, as_json, progress
from engine.cli.site import Site, site_options
from engine.settings.layers import Loaded

_BEGIN, _END = b"\x0b", b"\x1c\r"  # MLLP release 1: <VT> message <FS> <CR>
_QUIET = 0.5  # seconds without another frame: the answer to a batch may be several


@click.command("send")
@click.argument("system")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--path", default="/", show_default=True, help="HTTP: the path to post to.")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="HTTP: a header; may be repeated.")
@click.option("--wait", default=30.0, show_default=True, metavar="SECONDS", help="How long to wait for the answer.")
@site_options
def command(site: Site, system: str, file: Path, path: str, headers: tuple[str, ...], wait: float) -> None:
    """Delivers FILE to SYSTEM's listener the way a peer would, and shows the answer.

    Exit code 1 when the answer says no: an HL7 acknowledgement other than AA or CA, an HTTP status of 400 or more.
    """
    loaded = site.load()
    adapter = adapter_of(site, loaded, system)
    host, port = reach(site, loaded, system)
    try:
        body = click.open_file(str(file), "rb").read()
    except OSError as error:
        raise CannotRun(f"{file} cannot be read") from error
    try:
        if adapter == "mllp":
            answers = list(_over_mllp(_door(loaded, system, host, port, wait), _hl7(body)))
            taken = bool(answers) and all(_says_yes(answer) for answer in answers)
        elif adapter == "http":
            status, answer = _over_http(host, port, path, headers, body, wait)
            answers, taken = [answer], status < http.client.BAD_REQUEST
            progress(f"HTTP {status}")
        else:
            raise click.UsageError(f"{system!r} speaks {adapter}; files are sent over mllp and http")
    except TimeoutError as error:
        raise CannotRun(f"no answer within {wait:g} s", "hisbus list says whether it was taken") from error
    except OSError as error:
        raise CannotRun(f"{host}:{port} cannot be reached: {type(error).__name__}", "is the bus running?") from error
    _show(site, answers, taken)
    raise SystemExit(Exit.FINE.value if taken else Exit.FINDINGS.value)


def _show(site: Site, answers: list[bytes], taken: bool) -> None:
    texts = [answer.decode("utf-8", "replace") for answer in answers]
    if site.as_json:
        as_json({"taken": taken, "answers": texts})
        return
    for text in texts:
        click.echo(text.replace("\r", "\n").rstrip("\n"))


def _hl7(body: bytes) -> bytes:
    """Editors end lines with LF, HL7 segments end with CR."""
    if b"\r" not in body:
        progress("line ends are sent as CR")
        body = body.replace(b"\n", b"\r")
    return body.replace(b"\r\n", b"\r")


def _door(loaded: Loaded, system: str, host: str, port: int, wait: float) -> socket.socket:
    door = socket.create_connection((host, port), timeout=wait)
    tls = loaded.config.systems[system].tls
    if tls is None or tls.cert is None:
        return door
    trust = ssl.create_default_context(cafile=tls.ca or tls.cert)
    trust.check_hostname = False  # we call it by the address it listens on, not by its name
    return trust.wrap_socket(door)


def _over_mllp(door: socket.socket, body: bytes) -> Iterator[bytes]:
    with door:
        door.sendall(_BEGIN + body + _END)
        read = b""
        while True:
            try:
                chunk = door.recv(65536)
            except TimeoutError:
                if door.gettimeout() == _QUIET:
                    return
                raise
            read += chunk
            while _END in read:
                frame, _, read = read.partition(_END)
                yield frame.lstrip(_BEGIN)
                door.settimeout(_QUIET)
            if not chunk:
                return


def _says_yes(answer: bytes) -> bool:
    """Whether every MSA-1 of an acknowledgement is AA or CA."""
    codes = [line[4:6] for line in answer.split(b"\r") if line.startswith(b"MSA")]
    return bool(codes) and all(code in {b"AA", b"CA"} for code in codes)


def _over_http(
    host: str, port: int, path: str, headers: tuple[str, ...], body: bytes, wait: float
) -> tuple[int, bytes]:
    split = [header.partition(":") for header in headers]
    connection = http.client.HTTPConnection(host, port, timeout=wait)
    try:
        connection.request("POST", path, body, {name.strip(): value.strip() for name, _, value in split})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
