"""HTTP both ways: uvicorn listens (source), aiohttp calls (destination). Decision 13 has the figures."""

from adapters.calling.exchange import FAILURES
from adapters.http.address import address
from adapters.http.client import Client
from adapters.http.options import OperationOptions, ProfileOptions
from adapters.listening.server import Server
from engine.contract import Adapter, Failure, InDoubt, Refused, Unavailable

ADAPTER = Adapter(
    name="http",
    says="HTTP/1.1: serves requests, or calls a system by method, path, query and body",
    profile_options=ProfileOptions,
    operation_options=OperationOptions,
    destination=Client,
    source=Server,
    failures=(
        *FAILURES,
        Failure(Refused, "missing_value_in_path", "the address needs a value that was not mapped"),
        Failure(Unavailable, "http_*", "a status named in `unread`"),
        Failure(Refused, "http_*", "any other 4xx that is not named in `answers`"),
        Failure(
            InDoubt,
            "http_*",
            "any other status that is neither 2xx nor named in `answers`",
            ("an error for an hour",),
        ),
    ),
    replies=("wrong charset", "wrong correlation id", "garbage in a reply"),
    formats=("json", "xml", "hl7", "delimited"),
    address=address,
)
