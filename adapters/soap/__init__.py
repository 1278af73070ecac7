"""SOAP with one string in and one string out: a client compiled from the system's WSDL, and a service of ours."""

from adapters.calling.exchange import FAILURES
from adapters.soap.client import Client
from adapters.soap.options import OperationOptions, ProfileOptions
from adapters.soap.prepare import prepare
from adapters.soap.service import Service, served
from adapters.soap.sketch import sketch
from engine.contract import Adapter, Failure, InDoubt, Refused, Unavailable

ADAPTER = Adapter(
    name="soap",
    says="SOAP 1.1 and 1.2 with the message as one string: calls a system by its WSDL, or serves one",
    profile_options=ProfileOptions,
    operation_options=OperationOptions,
    destination=Client,
    source=Service,
    failures=(
        *FAILURES,
        Failure(Unavailable, "login_missing", "the address needs a login that the system does not have"),
        Failure(Unavailable, "http_*", "a status named in `unread`, or a page that `faults` knows"),
        Failure(Refused, "http_*", "any other 4xx without a SOAP fault"),
        Failure(
            InDoubt,
            "http_*",
            "any other status that is not 2xx, without a SOAP fault",
            ("an error for an hour",),
        ),
        Failure(Unavailable, "fault", "a fault that `faults` names so"),
        Failure(Refused, "rejected", "a fault of the caller (Client, Sender) that `faults` does not name"),
        Failure(Refused, "*", "a fault, or a page, that `faults` has our word for"),
        Failure(InDoubt, "fault", "any other fault"),
        Failure(Unavailable, "no_soap_reply", "a page in place of a reply that `faults` names so"),
        Failure(InDoubt, "no_soap_reply", "what came is no SOAP", ("garbage in a reply",)),
        Failure(InDoubt, "empty_reply", "nothing came"),
        Failure(InDoubt, "no_result_in_reply", "the reply has no such element"),
    ),
    replies=("wrong charset", "wrong correlation id"),
    formats=("xml", "json", "delimited", "hl7"),
    serves=served,
    prepare=prepare,
    sketch=sketch,
)
