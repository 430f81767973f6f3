"""Words of responses that show nothing of a customer, even where a customer's value has them too."""

from __future__ import annotations

import re
from typing import Final

from airflow_provider_socialscrm.api.codes import TABLES
from airflow_provider_socialscrm.api.customers import API_FIELDS

_COMMON: Final = """
    the and for not has have had was were are been with without from into this that these than then but can cannot must
    should could does did its their your our all any each some other same such only also already more less too when
    while where which because before after again later once within between over above below

    error errors invalid unknown failed failure failures fail wrong illegal missing required exist exists existing found
    duplicate duplicated repeated exceeded exceeds limit limits allowed denied forbidden unauthorized unavailable
    unsupported expired disabled enabled busy

    request requests response server service system internal network parameter parameters param argument field fields
    value values column columns row rows record records line lines list index number numbers phone mobile customer
    customers user users account accounts agent agents tenant contact contacts message messages code codes status
    state type types format size length count total maximum minimum text string integer date time timeout data json
    body header headers import imported importing save saved update updated insert create created delete deleted
    process processed accept accepted reject rejected ignored skipped success successful successfully please check
    retry wait support administrator null none empty true false male female auto

    api http https url www com org net sql java lang exception
"""
"""Words of sentences about calls and rows. No given name and no surname that is common is among them."""

_LETTERS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")

VENDOR_WORDS: Final = frozenset(
    word.lower()
    for text in (_COMMON, *API_FIELDS, *(code.text for table in TABLES.values() for code in table))
    for word in (*text.split(), *_LETTERS.findall(text))
)
"""In lower case: the vendor's texts and field names, whole and by their parts, and common words."""

VENDOR_PHRASES: Final = (
    "客户", "用户", "账号", "号码", "手机号", "不存在", "已存在", "不能为空", "错误", "失败", "成功", "参数", "数据",
    "格式", "导入", "重复", "系统", "请稍后再试", "管理员", "字段", "标签", "租户", "超过", "限制", "异常",
)  # fmt: skip
"""The same in Chinese, where words have no blanks between them."""

API_VALUES: Final = frozenset({"male", "female", "unknown", "auto"})
"""Values of fields that the vendor defines, in lower case, which every other row has (vendor API 3.2)."""
