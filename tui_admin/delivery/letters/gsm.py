"""The alphabet of SMS. One character outside of it makes an SMS of 160 characters one of 70."""

from __future__ import annotations

import unicodedata

SMS_LENGTH = 160

# GSM 7-bit default alphabet. Source: 3GPP TS 23.038, section 6.2.1.
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "^{}\\[~]|€"
_PLAIN = str.maketrans({"–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "..."})


def gsm_length(text: str) -> int | None:
    """Return how many of the 160 places a text takes; None when the alphabet lacks some of it."""
    if not all(char in _BASIC or char in _EXTENDED for char in text):
        return None
    return len(text) + sum(char in _EXTENDED for char in text)


def to_gsm(text: str) -> str:
    """Return `text` in the alphabet of SMS: accents that it lacks go, other scripts become `?`."""
    kept: list[str] = []
    for char in text.translate(_PLAIN):
        if char in _BASIC or char in _EXTENDED:
            kept.append(char)
            continue
        plain = unicodedata.normalize("NFKD", char)
        kept.append("".join(part for part in plain if part in _BASIC) or "?")
    return "".join(kept)


def shortest_fit(wordings: list[str]) -> str:
    """Return the first wording that fits one SMS, else the last."""
    texts = [to_gsm(text) for text in wordings]
    return next((text for text in texts if (gsm_length(text) or 0) <= SMS_LENGTH), texts[-1])
