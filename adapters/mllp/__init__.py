"""MLLP: HL7 v2 over TCP, as server (source) and client (destination), each way with optional TLS.

Source: HL7 "Transport Specification: MLLP, Release 1"; field practice in clinical-messaging.md §1.
"""

from adapters.mllp.client import Client
from adapters.mllp.options import OperationOptions, ProfileOptions
from adapters.mllp.server import Server
from engine.contract import Adapter, Failure, InDoubt, Refused, Unavailable

ADAPTER = Adapter(
    name="mllp",
    says="HL7 v2 over TCP (MLLP): listens and answers, or sends and waits for the acknowledgement",
    profile_options=ProfileOptions,
    operation_options=OperationOptions,
    destination=Client,
    source=Server,
    failures=(
        Failure(
            Unavailable,
            "connect_timeout",
            "no connection within `limits.connect`",
            ("black hole", "silence in the handshake"),
        ),
        Failure(Unavailable, "connect_refused", "nothing listens there", ("refused",)),
        Failure(Unavailable, "unknown_host", "nobody knows the host's name", ("DNS gone",)),
        Failure(Unavailable, "tls_refused", "no TLS with it: its certificate, or ours", ("certificate expired",)),
        Failure(Unavailable, "unreachable", "no way to it"),
        Failure(Unavailable, "closed_before_sending", "a kept connection had ended before the first byte"),
        Failure(
            InDoubt,
            "timeout",
            "no whole answer within `limits.total`",
            ("silence", "slow drip", "garbage", "wrong correlation id"),
        ),
        Failure(InDoubt, "closed", "the connection was closed before the answer"),
        Failure(InDoubt, "reset", "the connection broke off", ("reset after effect",)),
        Failure(InDoubt, "half_reply", "the answer ended before its end", ("half a reply",)),
        Failure(InDoubt, "reply_too_large", "the answer is larger than `limits.size`"),
        Failure(Refused, "frame_byte_in_body", "the message holds the byte that ends a message: nothing was sent"),
    ),
    replies=("wrong charset", "garbage in a reply", "an error for an hour"),
    formats=("hl7",),
)
