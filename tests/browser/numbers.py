"""Numbers on a page against numbers in a file."""

from __future__ import annotations

import re


def says(text: str, value: object) -> bool:
    """Whether ``text`` is ``value`` to the digits that it shows; an en dash or nothing is None."""
    found = re.match(r"[-+]?[\d,]+(\.\d+)?", text.strip())
    if value is None or found is None:
        return value is None and found is None
    digits = len(found[1] or ".") - 1
    shown = float(found[0].replace(",", ""))
    scale = 100.0 if text.strip()[found.end() :].lstrip("\u00a0 ").startswith("%") else 1.0
    return abs(shown - scale * float(value)) <= 0.5000001 * 10.0**-digits
