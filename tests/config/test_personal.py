"""What looks like personal data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcenter.config import personal


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("11010519491231002X", "resident_id"),
        ("NJ-110105-19491231-0021", "resident_id"),
        ("13800138000", "mobile_number"),
        ("NJ-13800138000-A", "mobile_number"),
        ("138-0013-8000", "mobile_number"),
        ("+86 138 0013 8000", "mobile_number"),
        ("008613800138000", "mobile_number"),
        ("某某", "han_text"),
        ("NJ-𠀀", "han_text"),
        ("〇", "han_text"),
        ("é", "not_ascii"),
        ("１３８００１３８０００", "not_ascii"),
    ],
)
def test_personal_values_are_seen(value: str, kind: str) -> None:
    """ID numbers, mobile numbers, Chinese characters and anything beyond ASCII, with or without separators."""
    assert personal.kind_of(value) == kind
    assert personal.may_be_in(f"NJ-C1,{value},ems")


@pytest.mark.parametrize(
    "value", ["", "NJ-C67700001", "EA473124829CN", "1390000000000", "12800138000", "138001380001", "2026-03-02"]
)
def test_codes_are_not(value: str) -> None:
    """Item codes, waybills (China Post's numeric ones too), other runs of digits and dates may stay."""
    assert personal.kind_of(value) == ""


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("name", "name"),
        ("applicant_name", "applicant"),
        ("ApplicantName", "applicant"),
        ("ID", "id"),
        ("id_number", "id"),
        ("IDCard", "id"),
        ("MOBILE-NO", "mobile"),
        ("收件人姓名", "姓名"),
        ("身份证号", "身份证"),
        ("手机号码", "手机"),
        ("家庭地址", "地址"),
        ("full name", "name"),
        ("sfzh", "sfzh"),
    ],
)
def test_personal_columns_are_known_by_a_word_of_ours(name: str, word: str) -> None:
    """The answer is the word from our list, never the name from the file."""
    assert personal.column_word(name) == word


@pytest.mark.parametrize("name", ["", "weight", "remark", "widget", "备注", "idle", "rename", "phonetics"])
def test_other_columns_are_not(name: str) -> None:
    """A word of the list inside another word does not count."""
    assert personal.column_word(name) == ""


@given(st.text(max_size=80))
def test_the_quick_look_misses_nothing(text: str) -> None:
    """Where a field of a line is personal, the quick look at the line says so."""
    if any(personal.kind_of(field) for field in text.split(",")):
        assert personal.may_be_in(text)


@given(st.text("0123456789X-, .86", max_size=60))
def test_the_quick_look_misses_no_number(text: str) -> None:
    """The same among texts that are nearly numbers."""
    if any(personal.kind_of(field) for field in text.split(",")):
        assert personal.may_be_in(text)
