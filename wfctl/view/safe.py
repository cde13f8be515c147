"""Text of others made safe for a terminal: nothing in a payload, a name or a failure may drive it.

Control sequences would move the cursor, change the title or write to the clipboard; bidirectional overrides would show
one text and mean another. Both are shown as what they are.
"""

from __future__ import annotations

import re

_KEPT = "\n\t"
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}\ud800-\udfff\ufeff\u2028\u2029]")


def safe_text(text: str) -> str:
    """The text with line breaks and tabs, and everything else that acts on a terminal written out."""
    return _UNSAFE.sub(_shown, text) if _UNSAFE.search(text) else text


def safe_line(text: str) -> str:
    """The same on one line."""
    cleaned = safe_text(text)
    if "\n" in cleaned:
        cleaned = cleaned.replace("\n", "⏎")
    return cleaned.replace("\t", " ") if "\t" in cleaned else cleaned


def safe_chars(text: str) -> str:
    """One character for each, where places in the text matter."""
    return _UNSAFE.sub("\ufffd", text) if _UNSAFE.search(text) else text


def _shown(match: re.Match[str]) -> str:
    number = ord(match.group())
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"<U+{number:04X}>"
