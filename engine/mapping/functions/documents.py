"""Identity documents: GB 11643-1999 (居民身份证 and the cards built like it).

18 characters: 6 region, 8 birth date, 3 order (odd: male), 1 check (ISO 7064 MOD 11-2). 15 digits:
first generation, without century and check, seen in old data only.
"""

import unicodedata
from datetime import date
from typing import Any

from engine.mapping.functions.kind import UNFIT, Apply, Unfit, function, text

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_NOISE = {ord(char): None for char in " -()[]\t"}


@function(
    ("110101190003070010", "id_card", "110101190003070010"),
    ("11010119000307007x", "id_card", "11010119000307007X"),
    ("１１０１０１ 19000307 0010", "id_card", "110101190003070010"),
    ("110101190003070011", "id_card", UNFIT), ("440304190002290026", "id_card", UNFIT),
    knows=True,
)  # fmt: skip
def id_card() -> Apply:
    """An identity number, normalised to 18 characters and checked: digit, and a birth date that exists and has come.

    Full-width characters, blanks and brackets are taken away, `x` becomes `X`; 15 digits become 18 with the
    century 19. Also for residence permits (81, 82, 83) and the permanent residence card of 2023 (9). A reply
    knows no day: there a birth date to come is not seen.
    """
    return lambda value, context: checked(value, context.received.date() if context.received else None)


@function(("110101190003070010", "birth_of_id", "1900-03-07"))
def birth_of_id() -> Apply:
    """The birth date in an identity number (checked as `id_card` does, but for the future)."""
    return lambda value: _birth(checked(value)).isoformat()


@function(("110101190003070010", "sex_of_id", "male"), ("810000190003070046", "sex_of_id", UNFIT))
def sex_of_id() -> Apply:
    """`male` or `female`, from the 17th digit of an identity number (checked as `id_card` does)."""
    return lambda value: "male" if int(checked(value)[16]) % 2 else "female"


def checked(value: Any, today: date | None = None) -> str:
    """The normalised 18 characters. Raises Unfit, which never says more than what is wrong."""
    number = unicodedata.normalize("NFKC", text(value)).translate(_NOISE).upper()
    if not number.isascii():
        raise Unfit("not an identity number")
    if len(number) == 15 and number.isdigit():
        number = number[:6] + "19" + number[6:]
        number += check_digit(number)
    if len(number) != 18 or not number[:17].isdigit() or number[0] == "0":
        raise Unfit("not an identity number")
    if number[17] != check_digit(number):
        raise Unfit("the check digit of the identity number is wrong")
    born = _birth(number)
    if today is not None and born > today:
        raise Unfit("the birth date of the identity number is to come")
    return number


def check_digit(number: str) -> str:
    """The 18th character for the first 17 digits (GB 11643-1999 §4: MOD 11-2)."""
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True)) % 11]


def _birth(number: str) -> date:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise Unfit("the birth date of the identity number does not exist") from None
