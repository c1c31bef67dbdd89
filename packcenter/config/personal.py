"""
What looks like personal data: values and names of columns that must not enter packcenter.

Suspicion is enough: a row that waits for a better code costs less than a name in a journal that nobody may delete.
Nothing here returns or prints the value it looked at; answers are words of our own lists.
"""

from __future__ import annotations

import re

from packcenter.core import resident_id

_LONG_DIGITS = re.compile(r"[0-9]{11}")
_DIGITS = re.compile(r"[0-9]+")
_MOBILE = re.compile(r"(?:86|0086)?1[3-9][0-9]{9}")
_PUNCTUATION: dict[int, None] = {code: None for code in range(128) if not chr(code).isalnum()}
_PUNCTUATION_BUT_COMMA = {code: None for code in _PUNCTUATION if chr(code) != ","}
_HAN = re.compile("[\u2e80-\u2fdf\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")


def may_be_in(line: str) -> bool:
    """A quick look at a line of CSV: only where it says True need the fields be looked at one by one."""
    return not line.isascii() or '"' in line or _LONG_DIGITS.search(line.translate(_PUNCTUATION_BUT_COMMA)) is not None


def kind_of(value: str) -> str:
    """Why a value must not be used: resident_id, mobile_number, han_text or not_ascii; "" if it may."""
    if not value.isascii():
        return "han_text" if _HAN.search(value) else "not_ascii"
    return number_in(value)


def number_in(value: str) -> str:
    """The same of numbers alone, for text that somebody has looked at: resident_id, mobile_number, or ""."""
    if resident_id.is_in(value):
        return "resident_id"
    runs = _DIGITS.findall(value.translate(_PUNCTUATION))
    return "mobile_number" if any(map(_MOBILE.fullmatch, runs)) else ""


# --- names of columns ------------------------------------------------------------------------------------------------

# Whole words of a Latin name; whatever has a column of this kind was not made for us.
_LATIN = frozenset(
    """
    name names surname forename firstname lastname fullname realname username
    applicant addressee recipient receiver sender consignee citizen person guardian parent mother father spouse child
    contact phone phones telephone tel mobile mobiles cell cellphone fax email qq wechat
    address addr street house room account bank photo signature
    id ids idno idnumber idcard identity passport permit licence license
    birth birthday birthdate dob age sex gender nation nationality ethnicity
    xingming xm shenfenzheng sfz sfzh dianhua dh shouji sjh lianxiren dizhi dz zhuzhi chusheng csrq xingbie xb minzu
    """.split()  # noqa: SIM905 - reads better than a list of ninety quoted words
)
# Any part of a Chinese name.
_CHINESE = tuple(
    """
    姓名 名字 申请人 收件人 收货人 收寄人 寄件人 联系人 当事人 监护人 代表人 父亲 母亲 配偶 子女
    身份证 证件号 护照 通行证 居住证 电话 手机 联系方式 邮箱 微信 地址 住址 住所 户籍 籍贯
    生日 出生 年龄 性别 民族 国籍 照片 签名 账号 银行卡
    """.split()  # noqa: SIM905 - as above
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def column_word(name: str) -> str:
    """The word of our lists that makes a column's name look personal; "" if none does."""
    for word in _CHINESE:
        if word in name:
            return word
    words: list[str] = [word.lower() for word in _WORD.findall(name)]
    return next((word for word in [*words, "".join(words)] if word in _LATIN), "")
