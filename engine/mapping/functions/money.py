"""Money: 元 and 分, exact, never by guess. Inside the bus money is a whole number of 分."""

from decimal import Context, Decimal
from typing import Any

from engine.mapping.functions.codes import number
from engine.mapping.functions.kind import UNFIT, Apply, Unfit, function, text

_LIMIT = Decimal(10) ** 15
_EXACT = Context(prec=100)
"""More digits than a number may have: nothing is rounded on the way."""


@function((1200, "fen_to_yuan", "12.00"), ("5", "fen_to_yuan", "0.05"), ("12.5", "fen_to_yuan", UNFIT))
def fen_to_yuan() -> Apply:
    """分 to 元 as text with two decimals. Only whole numbers of 分 are taken."""

    def apply(value: Any) -> str:
        fen = number(value)
        if fen != fen.to_integral_value() or abs(fen) > _LIMIT:
            raise Unfit("not a whole number of fen")
        return format(_EXACT.divide(fen, Decimal(100)).quantize(Decimal("0.01")), "f")

    return apply


@function(
    ("12.00", "yuan_to_fen", 1200), ("12", "yuan_to_fen", 1200), ("12.3400", "yuan_to_fen", 1234),
    ("12.345", "yuan_to_fen", UNFIT), ("1,200.00", "yuan_to_fen", UNFIT), ("4.00元", "yuan_to_fen", UNFIT),
    ("  4.00元", "yuan_to_fen(元)", 400), (".38", "yuan_to_fen(元)", 38),
)  # fmt: skip
def yuan_to_fen(unit: str = "") -> Apply:
    """元 to a whole number of 分. What is no whole number of 分 is refused, never rounded. `unit` may stand behind
    the number.
    """

    def apply(value: Any) -> int:
        bare = text(value).strip().removesuffix(unit) if unit else value
        fen = _EXACT.multiply(number(bare), Decimal(100))
        if fen != fen.to_integral_value() or abs(fen) > _LIMIT:
            raise Unfit("not a whole number of fen")
        return int(fen)

    return apply
