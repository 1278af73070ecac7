"""HTTP both ways: uvicorn listens (source), aiohttp calls (destination). Decision 13 has the figures."""

from adapters.http.address import address
from adapters.http.client import Client
from adapters.http.options import OperationOptions, ProfileOptions
from adapters.listening.server import Server
from engine.contract import Adapter

ADAPTER = Adapter(
    name="http",
    says="HTTP/1.1: serves requests, or calls a system by method, path, query and body",
    profile_options=ProfileOptions,
    operation_options=OperationOptions,
    destination=Client,
    source=Server,
    formats=("json", "xml", "hl7", "delimited"),
    address=address,
)
