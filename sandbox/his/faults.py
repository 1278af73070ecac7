"""What can go wrong with one trade, beside what can go wrong with any call; and what the push of 停诊 can suffer."""

from sandbox.faults import ANSWERING

TRADING = ANSWERING | {
    "refusal": "answers ResultCode -1, system busy; nothing is done",
    "done_late": "resets the connection at once; does the work `amount` seconds later (default 20) on the HIS's clock",
    "done_late_silent": "the same, in silence until the caller gives up or it is done",
    "done_but_refused": "does the work, answers ResultCode -1 all the same",
    "soap_fault": "does nothing, answers a SOAP Fault under HTTP 500",
    "done_but_fault": "does the work, answers a SOAP Fault under HTTP 500",
    "ze_error": "does nothing, answers ResultCode -1 with a $ZE text",
    "broken_xml": "does the work, its payload ends half way inside a whole envelope",
    "snatched": "somebody at the counter takes the number that LockOrder wants, just before",
    "fee_change": "LockOrder's fee is `amount` yuan higher than the schedule said (default 5)",
}
PUSHING = {
    "delay": "waits `amount` seconds before it pushes",
    "double": "pushes the same twice",
    "deaf": "does not hear the answer, pushes again",
    "down": "pushes nothing; until switched off",
}


def systems(methods: list[str]) -> dict[str, tuple[str, dict[str, str]]]:
    """The HIS as a whole, each of its trades, and its push, as the fault board wants them."""
    of_a_trade = {kind: text for kind, text in TRADING.items() if kind != "down"}
    trades = {f"his.{method}": ("his", of_a_trade) for method in methods}
    return {"his": ("his", TRADING), **trades, "his-push": ("his-push", PUSHING)}
