"""Masks of security-and-compliance §6.1, as its table gives them."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.channel.masking import HIDDEN, Mask, mask


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("name", "张三", "张*"),
        ("name", "王小明", "王*明"),
        ("name", "欧阳小明", "欧**明"),
        ("name", "张", "*"),
        ("name", "阿依古丽·买买提", "阿***·***"),
        ("name", "John Smith", "J*** S****"),
        ("id_no", "110101190003070010", "110***********0010"),
        ("id_no", "11010119000307007X", "110***********007X"),
        ("id_no", "110101900307001", "110********7001"),
        ("id_no", "1234", "****"),
        ("travel_document", "H12345678", "H*****678"),
        ("travel_document", "E12345678", "E*****678"),
        ("phone", "13800001234", "138****1234"),
        ("phone", "0755-12345678", "0755-******78"),
        ("phone", "110", "***"),
        ("address", "广东省深圳市福田区某路1号", "广东省深圳市福田区****"),
        ("address", "北京市东城区某街2号3楼", "北京市东城区****"),
        ("address", "广西壮族自治区南宁市青秀区某路", "广西壮族自治区南宁市青秀区****"),
        ("address", "某路1号", "****"),
        ("bank_card", "6222 0212 3456 0128", "6222 02** **** 0128"),
        ("bank_card", "6222021234560128", "622202******0128"),
        ("card", "0001234567", "******4567"),
        ("card", "12345", "*****"),
        ("birth_date", "1990-02-03", "1990-**-**"),
        ("birth_date", "unknown", "****-**-**"),
        ("email", "zhang@qq.com", "z***@qq.com"),
        ("email", "zhang", "***"),
        ("hidden", "任何结果", HIDDEN),
        ("name", None, None),
        ("name", "", ""),
        ("id_no", 110101190003070010, HIDDEN),
    ],
)
def test_masks(kind, value, shown):
    assert mask(kind, value) == shown


@given(kind=st.sampled_from(get_args(Mask)), value=st.text(min_size=1))
@settings(max_examples=300)
def test_no_text_breaks_a_mask_and_the_same_text_has_the_same(kind, value):
    shown = mask(kind, value)
    assert isinstance(shown, str)
    assert mask(kind, value) == shown


@given(value=st.text("0123456789X", min_size=8, max_size=20))
def test_a_number_is_never_shown_whole(value):
    for kind in ("id_no", "travel_document", "phone", "card", "bank_card"):
        shown = mask(kind, value)
        assert shown.count("*") * 3 >= len(value)
