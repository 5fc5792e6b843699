"""Requests made the short way."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.posting import post

URLS = ["http://127.0.0.1:8080/v1/push/single", "https://api.example.com/send?ref=a%20b", "https://bücher.example/x", "https://[::1]:8/"]
NAMES = st.from_regex(r"[A-Za-z][A-Za-z-]{0,12}", fullmatch=True).filter(lambda name: name.lower() not in ("host", "content-length"))


@pytest.mark.parametrize("url", URLS)
@given(headers=st.dictionaries(NAMES, st.text(st.characters(codec="ascii", categories=["L", "N", "P"]))), body=st.binary())
def test_it_is_the_request_that_httpx_makes(url: str, headers: dict[str, str], body: bytes) -> None:
    made, theirs = post(httpx.URL(url), headers, body), httpx.Request("POST", url, headers=headers, content=body)
    assert (made.method, made.url, made.content) == (theirs.method, theirs.url, theirs.content)
    if body:  # without a body httpx puts the length first
        assert made.headers.raw == theirs.headers.raw
    else:
        assert sorted(made.headers.raw) == sorted(theirs.headers.raw)
    assert isinstance(made.stream, httpx.ByteStream)
    assert b"".join(made.stream) == body
