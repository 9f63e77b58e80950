from __future__ import annotations

import pytest

from portal_demo.matching import normalized_name, same_name

EQUAL = [
    ("IT業者電子01", "ＩＴ業者電子０１"),
    ("IT業者電子01", "it業者電子01"),
    ("IT業者電子01", " IT 業者　電子01 "),
    ("株式会社信州印刷", "(株)信州印刷"),
    ("株式会社信州印刷", "（株）信州印刷"),
    ("株式会社信州印刷", "㈱信州印刷"),
    ("株式会社信州印刷", "株式会社　信州印刷"),
    ("信州印刷株式会社", "信州印刷㈱"),
    ("有限会社アルプス事務機", "㈲ｱﾙﾌﾟｽ事務機"),
    ("有限会社アルプス事務機", "(有)あるぷす事務機"),
    ("合同会社千曲データサービス", "（同）千曲デ−タサ－ビス"),
    ("髙﨑工業株式会社", "高崎工業(株)"),
    ("一般社団法人長野", "(一社)長野"),
]
DIFFERENT = [
    ("IT業者電子01", "IT業者電子02"),
    ("株式会社信州印刷", "信州印刷株式会社"),
    ("株式会社信州印刷", "信州印刷"),
    ("株式会社信州印刷", "有限会社信州印刷"),
    ("IT業者電子01", ""),
    ("", ""),
    ("　", " "),
    ("IT業者電子01", "%"),
    ("IT業者電子01", "' OR 1=1 --"),
]


@pytest.mark.parametrize(("a", "b"), EQUAL)
def test_one_name_in_two_writings_is_the_same(a, b):
    assert same_name(a, b)
    assert same_name(b, a)


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_two_names_are_not_the_same(a, b):
    assert not same_name(a, b)


@pytest.mark.parametrize("name", [name for pair in EQUAL for name in pair])
def test_a_normalized_name_stays_as_it_is(name):
    assert normalized_name(normalized_name(name)) == normalized_name(name)
