"""What a profile may say about MLLP."""

from engine.contract import Options


class ProfileOptions(Options):
    """The block `mllp:` of a profile."""

    match_reply: bool = True
    """An acknowledgement must name our message: its MSA-2 is empty or equals our MSH-10 (a peer may cut it at
    20 characters). Others are passed over. Off only for peers that put a number of their own there."""


class OperationOptions(Options):
    """One outgoing operation: the message says everything."""
