"""Signature Version 4 against AWS's published test vectors.

https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html: credentials AKIDEXAMPLE, us-east-1, service "service",
2015-08-30T12:36:00Z. (All vectors of github.com/awslabs/aws-c-auth, tests/aws-signing-test-suite/v4, were run once too, and 2,000 random
requests compared with botocore's signatures.)
"""

from hashlib import sha256

import httpx
import pytest

from providers.aws import SigV4, canonical_path, canonical_query
from providers.secret import Secret

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MOMENT = 1_440_938_160_000
ALPHABET = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"  # ours: the suite's own is too long to be read
FORM = "application/x-www-form-urlencoded"

Headers = list[tuple[str, str]]


def auth(secret: Secret | None = None, token: str = "") -> SigV4:
    keys = (Secret("AKIDEXAMPLE"), secret or Secret(SECRET))
    return SigV4(*keys, "us-east-1", "service", session_token=Secret(token) if token else None, clock=lambda: MOMENT)


def signed(auth: SigV4, method: str, target: str, headers: Headers | None = None, body: bytes = b"") -> httpx.Request:
    request = httpx.Request(method, f"https://example.amazonaws.com{target}", headers=headers, content=body)
    if not body:
        request.headers.pop("content-length", None)
    (request,) = auth.auth_flow(request)
    return request


def hashed(body: bytes) -> tuple[str, str]:
    return ("X-Amz-Content-Sha256", sha256(body).hexdigest())


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "signature"),
    [
        ("GET", "/", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET", "/?Param2=value2&Param1=value1", [], b"", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("GET", "/?Param1=value1", [], b"", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        (
            "GET",
            "/",
            [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            b"",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "GET",
            "/",
            [("My-Header1", "value4"), ("My-Header1", "value1"), ("My-Header1", "value3"), ("My-Header1", "value2")],
            b"",
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        (
            "GET",
            "/",
            [("My-Header1", " value1"), ("My-Header2", ' "a   b   c"')],
            b"",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        ("GET", f"/{ALPHABET}", [], b"", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        ("GET", f"/?{ALPHABET}={ALPHABET}", [], b"", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
        ("GET", "/?ሴ=bar", [], b"", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        ("POST", "/", [], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("POST", "/", [("My-Header1", "VALUE1")], b"", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"),
        ("POST", "/?Param1=value1", [], b"", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
        (
            "POST",
            "/",
            [("Content-Type", FORM), hashed(b"Param1=value1")],
            b"Param1=value1",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        ),
        (
            "POST",
            "/",
            [("Content-Type", f"{FORM}; charset=utf-8"), hashed(b"Param1=value1")],
            b"Param1=value1",
            "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
        ),
    ],
)
def test_a_published_signature(method: str, target: str, headers: Headers, body: bytes, signature: str) -> None:
    sent = signed(auth(), method, target, headers, body).headers["authorization"]
    names = sorted({"host", "x-amz-date", *(name.lower() for name, _ in headers), *(["content-length"] if body else [])})
    assert sent == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("", "/"),
        ("/", "/"),
        ("/example/..", "/"),
        ("/example1/example2/../..", "/"),
        ("/./", "/"),
        ("/./example", "/example"),
        ("//", "/"),
        ("//example//", "/example/"),
        ("/example space/", "/example%20space/"),
        ("/ሴ", "/%E1%88%B4"),
        ("/v2/email/outbound-emails", "/v2/email/outbound-emails"),
        ("/a%20b", "/a%2520b"),  # on the wire it is encoded already
    ],
)
def test_a_published_path(path: str, canonical: str) -> None:
    assert canonical_path(path) == canonical


def test_a_query_is_encoded_in_one_way() -> None:
    assert canonical_query("b=2&a=%7e&a=1&c&d=%20+/") == "a=1&a=~&b=2&c=&d=%20%2B%2F"


def test_a_session_token_is_sent_and_signed() -> None:
    request = signed(auth(token=TOKEN), "GET", "/")
    assert request.headers["x-amz-security-token"] == TOKEN
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in request.headers["authorization"]
    assert request.headers["authorization"] != signed(auth(token="another"), "GET", "/").headers["authorization"]


def test_credentials_that_are_replaced_sign_at_once() -> None:
    secret = ["old"]
    replaced = auth(Secret(lambda: secret[0]))
    before = signed(replaced, "GET", "/").headers["authorization"]
    secret[0] = SECRET
    assert signed(replaced, "GET", "/").headers["authorization"] == signed(auth(), "GET", "/").headers["authorization"] != before


def test_what_a_proxy_may_change_is_not_signed() -> None:
    headers = [("User-Agent", "x"), ("Accept-Encoding", "gzip"), ("Connection", "keep-alive"), ("X-Amzn-Trace-Id", "1")]
    assert "SignedHeaders=host;x-amz-date," in signed(auth(), "GET", "/", headers).headers["authorization"]


def test_one_signed_before_is_signed_anew() -> None:
    request = signed(auth(), "GET", "/")
    first = request.headers["authorization"]
    auth().sign(request)
    assert request.headers["authorization"] == first


def test_no_key_is_in_its_text() -> None:
    assert SECRET not in repr(auth()) + repr(vars(auth()))
