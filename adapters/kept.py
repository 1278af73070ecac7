"""Kept connections: whether something waits on one that should be silent."""

import select
from collections.abc import Callable


def question(descriptor: int) -> Callable[[], bool]:
    """Asks the system itself whether bytes or an end wait on an open socket: the event loop may not have heard of
    them yet. Made once for a connection; each asking costs a microsecond.
    """
    if not hasattr(select, "poll"):  # Windows
        return lambda: bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()  # `select` would stop at 1,024 descriptors
    poll.register(descriptor, select.POLLIN)
    return lambda: bool(poll.poll(0))
