"""What an answer to reset tells (ISO/IEC 7816-3, 8.2; 7816-4, 8.1.1). Pure."""

from __future__ import annotations

CARD_CAPABILITIES = 0x7
EXTENDED_LENGTH = 0x40


def historical_bytes(atr: bytes) -> bytes:
    """Return the historical bytes; empty where the ATR is malformed."""
    if len(atr) < 2:
        return b""
    count, indicator, at = atr[1] & 0x0F, atr[1] >> 4, 2
    while True:
        at += (indicator & 0x7).bit_count()
        if not indicator & 0x8:
            break
        if at >= len(atr):
            return b""
        indicator, at = atr[at] >> 4, at + 1
    return atr[at : at + count] if at + count <= len(atr) else b""


def supports_extended_length(atr: bytes) -> bool:
    """Whether the card says that it takes extended Lc and Le (7816-4, table 119)."""
    history = historical_bytes(atr)
    if not history or history[0] not in {0x00, 0x80}:
        return False
    objects = history[1:-3] if history[0] == 0x00 else history[1:]
    at = 0
    while at < len(objects):
        tag, length = objects[at] >> 4, objects[at] & 0x0F
        value = objects[at + 1 : at + 1 + length]
        if tag == CARD_CAPABILITIES and len(value) == 3:
            return bool(value[2] & EXTENDED_LENGTH)
        at += 1 + length
    return False
