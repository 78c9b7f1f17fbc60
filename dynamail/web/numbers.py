"""Numbers as people read them: thousands apart by a thin space in every language, the language's own decimal mark."""

from __future__ import annotations

from decimal import Decimal

from django.utils import formats

THIN_SPACE = "\u202f"  # narrow and no-break: a number never breaks at a line's end
MINUS = "\u2212"
NOTHING = "\u2014"

Number = int | float | Decimal


def format_number(value: Number | None, *, decimals: int | None = None) -> str:
    """`1234567.5` as `1 234 567.5`; None as a dash. `decimals` fixes the digits after the mark."""
    if value is None:
        return NOTHING
    digits = f"{abs(value):,.{decimals}f}" if decimals is not None else _write_plainly(value).lstrip("-")
    whole, _mark, fraction = digits.partition(".")
    sign = MINUS if value < 0 else ""
    mark = formats.get_format("DECIMAL_SEPARATOR")
    return sign + whole.replace(",", THIN_SPACE) + (f"{mark}{fraction}" if fraction else "")


def format_percent(share: Number | None, *, decimals: int = 1) -> str:
    """`0.4312` as `43.1%`; None as a dash. A share that is small but not zero never reads as zero."""
    if share is None:
        return NOTHING
    smallest = 10 ** -(decimals + 2)
    if share and abs(share) < smallest:
        return f"<{format_number(smallest * 100, decimals=decimals)}%"
    return f"{format_number(float(share) * 100, decimals=decimals)}%"


def _write_plainly(value: Number) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{value:,}"
