"""Kept connections: whether something waits on one that should be silent."""

import select


def readable(descriptor: int) -> bool:
    """Bytes or an end wait on the socket, asked of the system itself: the event loop may not have heard of them yet."""
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()  # `select` would stop at 1,024 descriptors
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
