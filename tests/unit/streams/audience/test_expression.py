"""What an audience expression may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.audience.expression import ExpressionInvalid, Scan, parse


@pytest.mark.parametrize(
    ("expression", "scan"),
    [("", None), ("all", Scan(None)), ("tag:sale", Scan("sale")), ("tag:a:b", Scan("a:b")), ("tag: ", Scan(" ")), ("tag:all", Scan("all"))],
)
def test_what_can_be_read(expression: str, scan: Scan | None) -> None:
    assert parse(expression) == scan


@pytest.mark.parametrize("expression", ["tag:", "tag", "ALL", "all ", "user:ann", "not tag:x", "tag:a\0b", ":x", " "])
def test_what_can_not(expression: str) -> None:
    with pytest.raises(ExpressionInvalid, match="expected 'all' or 'tag:NAME'"):
        parse(expression)


@given(st.text())
def test_anything_else_is_refused_by_its_own_error(expression: str) -> None:
    try:
        scan = parse(expression)
    except ExpressionInvalid:
        return
    assert scan is None or scan.tag is None or expression == f"tag:{scan.tag}"
