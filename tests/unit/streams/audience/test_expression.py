"""What an audience expression may be, what it means, and what is said when it is none."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.audience.expression import ExpressionInvalid, parse
from streams.audience.grammar import MAX_CHARACTERS, MAX_DEPTH, MAX_TERMS
from streams.audience.nodes import And, Everybody, Expression, Nobody, Not, Or, Term
from streams.audience.tokens import KINDS, WORDS

A, B, C = (Term("tag", name) for name in "abc")
PIECES = ("tag:", "a", "b", " ", "(", ")", '"', "\\", " and ", " or ", "not ", "all", "user:", "platform:ios", "tag:a ", "x:")
IOS, ANN = Term("platform", "ios"), Term("user", "ann")


@pytest.mark.parametrize(
    ("expression", "means"),
    [
        ("", None),
        ("all", Everybody()),
        (" all\n", Everybody()),
        ("tag:a", A),
        ("platform:ios", IOS),
        ("user:ann", ANN),
        ("tag:a and tag:b", And((A, B))),
        ("tag:a or tag:b", Or((A, B))),
        ("not tag:a", Not(A)),
        ("tag:a or tag:b and tag:c", Or((A, And((B, C))))),
        ("(tag:a or tag:b) and tag:c", And((Or((A, B)), C))),
        ("not tag:a and tag:b", And((Not(A), B))),
        ("not(tag:a)or(tag:b)", Or((Not(A), B))),
        ("tag:a and not (tag:b or platform:ios)", And((A, Not(B), Not(IOS)))),
        ("all and not user:ann", Not(ANN)),
        ("((((tag:a))))", A),
        ('tag:"a"', A),
        ('tag:"a b" and user:"x\\"y\\\\(z)"', And((Term("tag", "a b"), Term("user", 'x"y\\(z)')))),
        ('tag:"and" or tag:or', Or((Term("tag", "and"), Term("tag", "or")))),
        ("user:a:b or tag:c", Or((Term("user", "a:b"), C))),
    ],
)
def test_what_it_means(expression: str, means: Expression | None) -> None:
    assert parse(expression) == means


@pytest.mark.parametrize(
    ("expression", "means"),
    [
        ("not not tag:a", A),
        ("not (not tag:a and not tag:b)", Or((A, B))),
        ("tag:a and (tag:b and (tag:a and tag:c))", And((A, B, C))),
        ("tag:a and tag:a", A),
        ("tag:a and all", A),
        ("tag:a or all", Everybody()),
        ("tag:a and not all", Nobody()),
        ("tag:a or not all", A),
        ("tag:a and not tag:a", Nobody()),
        ("tag:a or not tag:a", Everybody()),
        ("not (tag:a and not tag:a) and tag:b", B),
    ],
)
def test_its_normal_form(expression: str, means: Expression) -> None:
    assert parse(expression) == means


@pytest.mark.parametrize(
    ("expression", "at", "says"),
    [
        (" ", 2, "expected all, tag:, platform:, user:, not or (, found the end"),
        ("tag", 1, "found 'tag'"),
        ("tag:", 5, "a name is missing after tag:"),
        ('user:""', 6, "a name is missing after user:"),
        ("tag: and tag:b", 5, "a name is missing after tag:"),
        (":x", 1, "expected tag:, platform: or user:, found ':'"),
        ("tags:x", 1, "expected tag:, platform: or user:, found 'tags:'"),
        ("vip", 1, "expected all, tag:, platform:, user:, not or (, found 'vip'"),
        ("ALL", 1, "found 'ALL'; it is written in small letters"),
        ("tag:a AND tag:b", 7, "expected and, or, or the end, found 'AND'; it is written in small letters"),
        ("tag:a tag:b", 7, "expected and, or, or the end, found 'tag:b'"),
        ("tag:a andd (tag:b)", 7, "found 'andd'"),
        ("tag:a and", 10, "found the end"),
        ("tag:a and or tag:b", 11, "found 'or'"),
        ("and tag:a", 1, "found 'and'"),
        ("not", 4, "found the end"),
        ("()", 2, "found ')'"),
        ("(tag:a", 7, "expected and, or, or the ) of the ( at 1, found the end"),
        ("tag:a)", 6, "expected and, or, or the end, found ')'"),
        ("platform:IOS", 10, "no platform 'IOS'; there are ios, android, web"),
        ("tag:a and platform:tv", 20, "no platform 'tv'"),
        ("tag:a\0b", 5, "a tag has no zero byte"),
        ("user:" + "é" * 129, 6, "a user id has 256 bytes at most"),
        ('tag:"a', 5, "the quote is not closed"),
        ('tag:"a\\"', 5, "the quote is not closed"),
        ('tag:"a"b', 8, "expected a blank after the closing quote, found 'b'"),
        ("tag:a\ud800", 6, "half of a surrogate pair is no character"),
        ("tag:" + "x" * MAX_CHARACTERS, MAX_CHARACTERS + 1, f"it has {MAX_CHARACTERS + 4} characters; the limit is {MAX_CHARACTERS}"),
        (" or ".join(["all"] * (MAX_TERMS + 1)), 7 * MAX_TERMS + 1, f"more than {MAX_TERMS} terms"),
        ("(" * (MAX_DEPTH + 1) + "all" + ")" * (MAX_DEPTH + 1), MAX_DEPTH + 2, f"nested deeper than {MAX_DEPTH}"),
        ("not " * (MAX_DEPTH + 1) + "all", 4 * MAX_DEPTH + 5, f"nested deeper than {MAX_DEPTH}"),
    ],
)  # fmt: skip
def test_what_is_wrong_and_where(expression: str, at: int, says: str) -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        parse(expression)
    assert (caught.value.at, caught.value.reason) == (at, "audience_invalid")
    assert says in str(caught.value)
    assert str(caught.value).endswith(f"(character {at})")
    assert len(str(caught.value)) < 400


def test_limits_are_inside() -> None:
    assert isinstance(parse(" or ".join(f"tag:{number}" for number in range(MAX_TERMS))), Or)
    assert parse("(" * MAX_DEPTH + "tag:a" + ")" * MAX_DEPTH) == A
    assert parse("tag:" + "x" * (MAX_CHARACTERS - 4)) == Term("tag", "x" * (MAX_CHARACTERS - 4))


@pytest.mark.parametrize("name", ["sale", "a:b", " ", "all", "and", "summer sale", "sale ", "a,b", "vip(gold)", 'a"b', "x\n y", "tag"])
def test_a_lone_tag_means_what_it_always_did(name: str) -> None:
    assert parse(f"tag:{name}") == Term("tag", name)


@given(st.text(min_size=1))
def test_any_lone_tag_is_its_name_unless_it_is_clearly_more(name: str) -> None:
    """Before there were operators, `tag:` and any name without a zero byte was that tag."""
    words = name.replace("(", " ").replace(")", " ").split()
    more = any(word in WORDS or word.startswith(tuple(f"{kind}:" for kind in KINDS)) for word in words)
    if more or "\0" in name or name.startswith('"') or name.count("(") != name.count(")"):
        return
    assert parse(f"tag:{name}") == Term("tag", name)


@given(st.text(alphabet='ab:()" \\', max_size=30) | st.lists(st.sampled_from(PIECES)).map("".join) | st.text())
def test_anything_else_is_refused_by_its_own_error(expression: str) -> None:
    with suppress(ExpressionInvalid):
        parse(expression)


def test_a_text_is_read_once() -> None:
    assert parse("tag:a and tag:b and tag:c") is parse("tag:a and tag:b and tag:c")
