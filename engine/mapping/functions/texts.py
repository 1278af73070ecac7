"""Functions on plain text."""

import unicodedata

from engine.mapping.functions.kind import UNFIT, Apply, Unfit, WordError, function, text


@function(("abcdef", "left(3)", "abc"), ("病理科", "left(2)", "病理"))
def left(count: int) -> Apply:
    """The first `count` characters."""
    return lambda value: text(value)[:count]


@function(("abcdef", "right(2)", "ef"), ("abcdef", "right(9)", "abcdef"))
def right(count: int) -> Apply:
    """The last `count` characters."""
    return lambda value: text(value)[-count:] if count else ""


@function((" A1 ", "trim", "A1"), ("　门诊　", "trim", "门诊"))
def trim() -> Apply:
    """Without blanks around it, full-width ones too."""
    return lambda value: text(value).strip()


@function(("ab1", "upper", "AB1"))
def upper() -> Apply:
    """In capital letters."""
    return lambda value: text(value).upper()


@function(("AB1", "lower", "ab1"))
def lower() -> Apply:
    """In small letters."""
    return lambda value: text(value).lower()


@function(("42", "pad(6)", "000042"), ("A", "pad(3, ' ')", "  A"), ("1234567", "pad(6)", UNFIT))
def pad(width: int, char: str = "0") -> Apply:
    """Filled up on the left to `width` with `char` (0). A longer text is refused, not cut."""
    if len(char) != 1:
        raise WordError("pad: fills with one character")

    def apply(value: object) -> str:
        filled = text(value).rjust(width, char)
        if len(filled) > width:
            raise Unfit(f"longer than {width} characters")
        return filled

    return apply


@function(("a-b-c", "replace(-, /)", "a/b/c"), ("12.00元", "replace(元)", "12.00"))
def replace(old: str, new: str = "") -> Apply:
    """Every `old` replaced by `new` (nothing)."""
    if not old:
        raise WordError("replace: what is to be replaced?")
    return lambda value: text(value).replace(old, new)


@function(("a^b^c", "split(^, 2)", "b"), ("a^b", "split(^, 5)", None), ("a,b", "split(',')", ["a", "b"]))
def split(mark: str, part: int = 0) -> Apply:
    """The `part`-th piece between marks, counted from 1, or without `part` the list of all pieces."""
    if not mark:
        raise WordError("split: at which mark?")

    def apply(value: object) -> object:
        pieces = text(value).split(mark)
        if part == 0:
            return pieces
        return pieces[part - 1] if part <= len(pieces) else None

    return apply


@function(
    ("GCKMZ-肛肠科", "after(-)", "肛肠科"), ("A1-门诊-东", "after(-)", "门诊-东"), ("门诊", "after(-)", "门诊")
)  # fmt: skip
def after(mark: str) -> Apply:
    """What follows the first `mark`; a text without it stays as it is."""
    if not mark:
        raise WordError("after: which mark?")

    def apply(value: object) -> str:
        whole = text(value)
        _, found, rest = whole.partition(mark)
        return rest if found else whole

    return apply


@function((["a", None, "b"], "join(、)", "a、b"), ("a", "join(、)", "a"))
def join(mark: str) -> Apply:
    """The entries of a list as one text with `mark` between them; a single value stays as it is."""

    def apply(value: object) -> str:
        if isinstance(value, list | tuple):
            return mark.join(text(each) for each in value if each is not None and each != "")
        return text(value)

    return apply


@function((["a", "b"], "first", "a"), ([], "first", None), ("a", "first", "a"))
def first() -> Apply:
    """The first entry of a list; a single value stays as it is."""
    return lambda value: (value[0] if value else None) if isinstance(value, list | tuple) else value


@function(("电话: 020-8123", "digits", "0208123"), ("无", "digits", None))
def digits() -> Apply:
    """Only the digits 0-9; nothing when there are none."""
    return lambda value: "".join(char for char in text(value) if char in "0123456789") or None


@function(("ＡＢ１２（甲）", "halfwidth", "AB12(甲)"))
def halfwidth() -> Apply:
    """Full-width letters, digits and signs as ordinary ones (NFKC)."""
    return lambda value: unicodedata.normalize("NFKC", text(value))


@function(("P1", "prefix(HIS-)", "HIS-P1"))
def prefix(words: str) -> Apply:
    """With `words` before it."""
    return lambda value: words + text(value)


@function((1200, "text", "1200"), (True, "text", "true"))
def text_() -> Apply:
    """The value as text."""
    return text


@function((None, "default(9)", "9"), ("1", "default(9)", "1"), on_nothing=True)
def default(word: str) -> Apply:
    """`word` where nothing has come out so far."""
    return lambda value: word if value is None or value == "" else value
