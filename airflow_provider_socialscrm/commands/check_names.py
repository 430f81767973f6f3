"""Common names of columns, in English and Chinese, and the API's field that each means: guesses, not settings."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from airflow_provider_socialscrm.api.customers import AGENT, BIRTHDAY, NUMBER, SEX
from airflow_provider_socialscrm.importer.fields.mapping import is_own, is_unnamed, tidy_name

# Notes and remarks are not here, because they are often for colleagues only; nor is a field with a side effect.
COMMON_NAMES: Final = {
    NUMBER: (
        "whatsapp number, whatsapp no, whatsapp phone, whatsapp id, wa number, wa id, mobile, mobile number, "
        "mobile no, mobile phone, phone, phone number, phone no, telephone, telephone number, tel, cell, cell phone, "
        "msisdn, contact number, contact no, contact phone, "
        "whatsapp 号, whatsapp 号码, 手机, 手机号, 手机号码, 电话, 电话号码, 联系电话, 联系方式, 移动电话"
    ),
    "friendName": (
        "full name, name, customer name, client name, contact name, friend, display name, nickname, "
        "姓名, 客户姓名, 客户名称, 客户名, 名字, 名称, 昵称, 联系人, 联系人姓名"
    ),
    AGENT: (
        "agent, agent name, agent login, agent id, owner, owner name, account owner, sales, sales rep, sales agent, "
        "sales person, account manager, assignee, assigned to, "
        "坐席, 坐席账号, 客服, 客服账号, 销售, 销售员, 业务员, 负责人, 归属人, 跟进人"
    ),
    SEX: "gender, 性别",
    BIRTHDAY: "birth date, birth day, date of birth, dob, bday, 生日, 出生日期, 出生年月日",
    "address": (
        "addr, street address, home address, postal address, mailing address, 地址, 住址, 家庭住址, 联系地址, 通讯地址"
    ),
    "email": "mail, email address, mail address, 邮箱, 电子邮箱, 电子邮件, 邮箱地址, 邮件",
    "profession": "job, job title, occupation, 职业, 职位",
    "income": "salary, annual income, monthly income, 收入, 年收入, 月收入",
    "desc": "description, 描述, 简介",
    "tabName": "tag, tags, label, labels, 标签, 客户标签",
    "stage": "customer stage, lead stage, sales stage, lifecycle stage, pipeline stage, 阶段, 客户阶段, 跟进阶段",
    "source": "customer source, lead source, 来源, 客户来源",
    "languageTag": "language, lang, locale, 语言, 语种",
}
"""Names of columns by the field that they usually mean, the likeliest first. Case and separators do not matter."""


def guesses(columns: Iterable[str], taken: Collection[str | None]) -> dict[str, str]:
    """Return the fields that columns seem to mean, each field once.

    :param columns: names of columns that are not sent.
    :param taken: fields that other columns fill.
    """
    named = {_folded(column): tidy_name(column) for column in columns if is_own(column) and not is_unnamed(column)}
    found: dict[str, str] = {}
    for field, names in COMMON_NAMES.items():
        column = next((named[name] for name in map(_folded, names.split(",")) if name in named), None)
        if column is not None and field not in taken:
            found[column] = field
    return found


def _folded(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()
