"""FHIR R4 over HTTP: a destination that writes transactions and resources, and knows what OperationOutcomes prove."""

from adapters.fhir.address import address
from adapters.fhir.client import Client
from adapters.fhir.options import OperationOptions, ProfileOptions
from engine.contract import Adapter

ADAPTER = Adapter(
    name="fhir",
    says="FHIR R4 over HTTP: a transaction Bundle to the base address, or one resource by its path",
    profile_options=ProfileOptions,
    operation_options=OperationOptions,
    destination=Client,
    formats=("fhir",),
    address=address,
)
