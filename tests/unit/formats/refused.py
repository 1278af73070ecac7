"""For tests that any bytes are read or refused, and nothing else."""

from engine.base.errors import BusError


def refusal_of(run, *arguments):
    """The BusError that a call refused with; None where it did not."""
    try:
        run(*arguments)
    except BusError as error:
        return error
    return None
