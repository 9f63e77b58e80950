"""BER-TLV as cards use it (ISO/IEC 7816-4, 5.2.2). Pure, and strict: cards are hostile."""

from __future__ import annotations

from collections.abc import Iterator

MAX_LENGTH = 0xFFFF


class TlvError(ValueError):
    """Bytes that are no TLV, or one that claims more than is there."""


def encode(tag: int, *values: bytes) -> bytes:
    """Return one TLV; the values are joined."""
    value = b"".join(values)
    width = (tag.bit_length() + 7) // 8 or 1
    return tag.to_bytes(width, "big") + encode_length(len(value)) + value


def encode_length(length: int) -> bytes:
    """Return a definite length of 1 to 4 bytes."""
    if length < 0x80:
        return bytes((length,))
    width = (length.bit_length() + 7) // 8
    return bytes((0x80 | width,)) + length.to_bytes(width, "big")


def _read_tag(raw: bytes, at: int) -> tuple[int, int]:
    end = at + 1
    if raw[at] & 0x1F == 0x1F:
        while end < len(raw) and raw[end] & 0x80 and end - at < 3:
            end += 1
        end += 1
    if end > len(raw):
        raise TlvError("the tag is cut off")
    return int.from_bytes(raw[at:end], "big"), end


def _read_length(raw: bytes, at: int) -> tuple[int, int]:
    if at >= len(raw):
        raise TlvError("the length is missing")
    first = raw[at]
    if first < 0x80:
        return first, at + 1
    width = first & 0x7F
    if not 1 <= width <= 3 or at + 1 + width > len(raw):
        raise TlvError("the length is cut off or of a form not allowed here")
    return int.from_bytes(raw[at + 1 : at + 1 + width], "big"), at + 1 + width


def header(raw: bytes) -> tuple[int, int]:
    """Return the tag and the whole size (header and value) of the TLV that starts `raw`.

    `raw` may be cut off after the header, as when the size of a file is read from its start.
    """
    if not raw:
        raise TlvError("empty")
    tag, at = _read_tag(raw, 0)
    length, at = _read_length(raw, at)
    if length > MAX_LENGTH:
        raise TlvError(f"{length} bytes are more than any card holds")
    return tag, at + length


def parse(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and value of each TLV in a row; bytes 00 and FF between them are padding."""
    at = 0
    while at < len(raw):
        if raw[at] in {0x00, 0xFF}:
            at += 1
            continue
        tag, value_at = _read_tag(raw, at)
        length, value_at = _read_length(raw, value_at)
        at = value_at + length
        if at > len(raw):
            raise TlvError(f"tag {tag:X} claims {length} bytes, {len(raw) - value_at} are there")
        yield tag, raw[value_at:at]


def find(raw: bytes, *path: int) -> bytes:
    """Return the value of the first TLV at `path`; raises `TlvError` where there is none."""
    value = raw
    for tag in path:
        for found, inner in parse(value):
            if found == tag:
                value = inner
                break
        else:
            raise TlvError(f"no tag {tag:X}")
    return value
