"""`hisbus call <operation> name=value …`: signs and calls an operation of the unified API, as an application would."""

import http.client
import json
from collections.abc import Mapping
from typing import Any

import click

from engine.base.clock import SystemClock
from engine.base.errors import Exit
from engine.base.ids import SystemIds
from engine.base.where import did_you_mean
from engine.channel.contracts import Contracts
from engine.cli.asking import request_of
from engine.cli.channel import channel_of, contracts_of
from engine.cli.listeners import reach
from engine.cli.say import CannotRun, as_json, progress
from engine.cli.site import Site, site_options
from engine.sealing.schemes import preset
from engine.sealing.template import Parts
from engine.settings.layers import Loaded
from engine.settings.secrets import SecretMissing


@click.command("call")
@click.argument("operation")
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--body", help="The whole JSON body; @file reads it from a file.")
@click.option("--as", "client", help="Which client of the channel calls; the first one written, unless said.")
@click.option("--campus", help="X-Campus.")
@click.option("--channel", help="X-Channel.")
@click.option("--key", help="Idempotency-Key; a new one is made where the operation wants one.")
@click.option("--wait", default=30.0, show_default=True, metavar="SECONDS", help="How long to wait for the answer.")
@site_options
def command(
    site: Site,
    operation: str,
    values: tuple[str, ...],
    body: str | None,
    client: str | None,
    campus: str | None,
    channel: str | None,
    key: str | None,
    wait: float,
) -> None:
    """Signs and calls OPERATION of the unified API with NAME=VALUE for its path, query and body.

    Fields inside others are named like guardian.name; what is no text is written as in JSON. `hisbus describe call
    OPERATION` says what it takes. The answer is printed as it came; exit code 1 when it is an error.
    """
    loaded = site.load()
    system = channel_of(loaded)
    contracts = contracts_of(site, loaded, system)
    if operation not in contracts.operations:
        raise click.UsageError(f"there is no operation {operation!r}; {did_you_mean(operation, contracts.operations)}")
    contract = contracts.operations[operation]
    below, made = request_of(contract.text, values)
    path, sent = contracts.base + below, _sent(body, made)
    headers = {"X-Campus": campus, "X-Channel": channel, "Idempotency-Key": key}
    if contract.key and key is None:
        headers["Idempotency-Key"] = SystemIds().token()
        progress(f"Idempotency-Key: {headers['Idempotency-Key']}")
    sealed = _seal(site, loaded, system, client, contracts, contract.text.method, path, sent)
    wanted = {name: value for name, value in headers.items() if value is not None}
    connection = http.client.HTTPConnection(*reach(site, loaded, system), timeout=wait)
    status, age, answer = _ask(connection, contract.text.method, path, sent, {**wanted, **sealed})
    progress(f"HTTP {status}" if age is None else f"HTTP {status}, Age {age} s: from before, the system behind is down")
    as_json(json.loads(answer))
    raise SystemExit(Exit.FINE.value if status < http.client.ACCEPTED else Exit.FINDINGS.value)


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, str | None, bytes]:
    """Status, `Age` and body."""
    media = {"Content-Type": "application/json"} if body else {}
    try:
        connection.request(method, path, body or None, {**headers, **media})
        response = connection.getresponse()
        return response.status, response.getheader("Age"), response.read()
    except TimeoutError as error:
        raise CannotRun(f"no answer within {connection.timeout:g} s") from error
    except OSError as error:
        where = f"{connection.host}:{connection.port}"
        raise CannotRun(f"{where} cannot be reached: {type(error).__name__}", "is the bus running?") from error
    finally:
        connection.close()


def _sent(body: str | None, made: dict[str, Any] | None) -> bytes:
    if body is None:
        return b"" if made is None else json.dumps(made, ensure_ascii=False).encode()
    if made is not None:
        raise click.UsageError("give the body's fields as NAME=VALUE, or the whole of it with --body, not both")
    if body.startswith("@"):
        with click.open_file(body[1:], "rb") as file:
            return bytes(file.read())
    return body.encode()


def _seal(
    site: Site,
    loaded: Loaded,
    system: str,
    client: str | None,
    contracts: Contracts,
    method: str,
    path: str,
    body: bytes,
) -> Mapping[str, str]:
    clients = loaded.config.systems[system].clients
    name = client or next(iter(clients))
    if name not in clients:
        raise click.UsageError(f"there is no client {name!r}; {did_you_mean(name, clients)}")
    try:
        secret = site.secrets(loaded).open(clients[name].secret)
    except SecretMissing as missing:
        raise CannotRun(str(missing)) from missing
    scheme = preset(contracts.signature)
    stamp = scheme.stamp(SystemClock().now())
    return scheme.headers_for(Parts(method, path, body, stamp, SystemIds().token(), name, secret))
