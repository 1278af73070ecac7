"""FHIR R4 over HTTP: a destination that writes transactions and resources, and knows what OperationOutcomes prove."""

from adapters.calling.exchange import FAILURES
from adapters.fhir.address import address
from adapters.fhir.client import Client
from adapters.fhir.options import OperationOptions, ProfileOptions
from adapters.fhir.outcome import NOT_DONE
from engine.contract import Adapter, Failure, InDoubt, Refused, Unavailable

ADAPTER = Adapter(
    name="fhir",
    says="FHIR R4 over HTTP: a transaction Bundle to the base address, or one resource by its path",
    profile_options=ProfileOptions,
    operation_options=OperationOptions,
    destination=Client,
    failures=(
        *FAILURES,
        Failure(Refused, "missing_value_in_address", "the address or a condition needs a value that was not mapped"),
        *(Failure(Unavailable, code, "the server's OperationOutcome says so") for code in sorted(NOT_DONE)),
        Failure(Unavailable, "*", "a status named in `unread`; the word is the OperationOutcome's code, or `http_429`"),
        Failure(Refused, "*", "any other 4xx that is not named in `answers`; the word as above"),
        Failure(
            InDoubt,
            "*",
            "any other status that is neither 2xx nor named in `answers`; the word as above",
            ("an error for an hour",),
        ),
    ),
    replies=("wrong charset", "wrong correlation id", "garbage in a reply"),
    formats=("fhir",),
    address=address,
)
