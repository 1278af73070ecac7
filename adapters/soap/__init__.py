"""SOAP with one string in and one string out: a client compiled from the system's WSDL, and a service of ours."""

from adapters.soap.client import Client
from adapters.soap.options import OperationOptions, ProfileOptions
from adapters.soap.prepare import prepare
from adapters.soap.service import Service, served
from adapters.soap.sketch import sketch
from engine.contract import Adapter

ADAPTER = Adapter(
    name="soap",
    says="SOAP 1.1 and 1.2 with the message as one string: calls a system by its WSDL, or serves one",
    profile_options=ProfileOptions,
    operation_options=OperationOptions,
    destination=Client,
    source=Service,
    formats=("xml", "json", "delimited", "hl7"),
    serves=served,
    prepare=prepare,
    sketch=sketch,
)
