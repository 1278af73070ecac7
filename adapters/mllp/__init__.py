"""MLLP: HL7 v2 over TCP, as server (source) and client (destination), each way with optional TLS.

Source: HL7 "Transport Specification: MLLP, Release 1"; field practice in clinical-messaging.md §1.
"""

from adapters.mllp.client import Client
from adapters.mllp.options import OperationOptions, ProfileOptions
from adapters.mllp.server import Server
from engine.contract import Adapter

ADAPTER = Adapter(
    name="mllp",
    says="HL7 v2 over TCP (MLLP): listens and answers, or sends and waits for the acknowledgement",
    profile_options=ProfileOptions,
    operation_options=OperationOptions,
    destination=Client,
    source=Server,
    formats=("hl7",),
)
