"""The local systems by the names that routes use: what stands in them, as data, and at work."""

from collections.abc import Iterator, Mapping, Sequence

from engine.delivery.local import Local
from engine.model import Profile
from engine.registry import bindings, codes, grants, proofs, tickets, versions
from engine.registry.local import Desk, Operations, profile
from engine.registry.operation import Operation
from engine.rules import booking, checkin, complete, returning, stops

_AT_ONCE = 16

OPERATIONS: Mapping[str, Sequence[Operation]] = {
    "registry": (
        *bindings.OPERATIONS,
        *grants.OPERATIONS,
        *tickets.OPERATIONS,
        *codes.OPERATIONS,
        *proofs.OPERATIONS,
        *versions.OPERATIONS,
    ),
    "rules": (
        *complete.OPERATIONS,
        *booking.OPERATIONS,
        *returning.OPERATIONS,
        *checkin.OPERATIONS,
        *stops.OPERATIONS,
    ),
}


def operations() -> Iterator[tuple[str, Operation]]:
    """Every operation by the name that routes use."""
    return ((f"{system}.{one.name}", one) for system, several in OPERATIONS.items() for one in several)


PROFILES: Mapping[str, Profile] = {name: profile(name, operations) for name, operations in OPERATIONS.items()}


def local_systems(desk: Desk) -> Iterator[Local]:
    """All of them, ready to carry deliveries and to be asked."""
    for name, operations in OPERATIONS.items():
        working = Operations(operations, desk)
        yield Local(name, working.carry, _AT_ONCE, working.ask)
