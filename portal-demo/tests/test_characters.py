from __future__ import annotations

import pytest

from portal_demo.characters import ALLOWED, ASCII, JIS_X_0208, first_forbidden, to_jis


def test_jis_x_0208_is_complete():
    assert len(JIS_X_0208) == 6879  # 6355 kanji and 524 others (JIS X 0208:1997)
    assert {"亜", "煕", "あ", "ン", "Ω", "я", "─", "〒"} <= JIS_X_0208
    assert not {"①", "㈱", "髙", "ｱ", "€"} & JIS_X_0208


def test_every_character_of_a_windows_keyboard_for_jis_can_be_typed():
    """CP932 without NEC's and IBM's additions is JIS X 0208; Windows types nothing else for it."""
    rows = [*range(0x81, 0x85), *range(0x88, 0xA0), *range(0xE0, 0xEB)]
    typed = set()
    for lead in rows:
        for trail in [*range(0x40, 0x7F), *range(0x80, 0xFD)]:
            try:
                typed.add(bytes((lead, trail)).decode("cp932"))
            except UnicodeDecodeError:
                continue
    refused = {c for c in typed if first_forbidden(to_jis(c)) is not None}
    assert len(typed) > 6700
    assert refused == set()


@pytest.mark.parametrize("character", sorted(ASCII))
def test_half_width_ascii_is_allowed(character):
    assert first_forbidden(character) is None


def test_every_substitute_is_allowed_itself():
    for code in [*range(0x2000, 0x3400), *range(0xF900, 0xFB00), *range(0xFF00, 0x10000)]:
        found = first_forbidden(chr(code))
        if found and found.substitute is not None:
            assert set(found.substitute) <= ALLOWED, found


def test_the_first_of_several_is_named():
    assert first_forbidden("あ髙﨑").text == "髙"
