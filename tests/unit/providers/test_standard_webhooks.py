"""Signatures that other implementations of the specification make of the same."""

from base64 import b64decode, b64encode

import httpx
import pytest

from providers.secret import Secret
from providers.standard_webhooks import Signing, signatures

MESSAGE, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'

KEY, V1 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
"""https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/go/webhook_test.go"""

PRIVATE = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
"""The v1a signature of the specification's example; its key: https://github.com/svix/svix-webhooks, test_asymmetric_key_signing."""

SEED = "whsk_" + b64encode(b64decode(PRIVATE.removeprefix("whsk_"))[:32]).decode()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (KEY, V1),
        (PRIVATE, V1A),
        (SEED, V1A),
        (f"{KEY}\n{PRIVATE}\n", f"{V1} {V1A}"),
        (f" {SEED} {KEY}", f"{V1A} {V1}"),
    ],
)
def test_each_key_signs(keys: str, expected: str) -> None:
    assert signatures(keys, MESSAGE, AT, BODY) == expected


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("", "the secret holds no key"),
        (" \n", "the secret holds no key"),
        ("hunter2", "a key must begin with whsec_ or whsk_"),
        ("whsec_", "a key has 0 bytes"),
        ("whsec_aHVudGVyMg==", "a key has 7 bytes"),
        ("whsec_" + b64encode(b"x" * 65).decode(), "a key has 65 bytes"),
        ("whsec_hunter2!", "a key is not base64"),
        ("whsk_" + b64encode(b"x" * 33).decode(), "a key has 33 bytes"),
        (f"{KEY} hunter2", "a key must begin with"),
    ],
)
def test_a_secret_that_is_no_key_is_refused_and_not_shown(keys: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        Signing(Secret(keys), lambda: 0)
    assert "hunter2" not in str(caught.value)


def test_an_attempt_is_signed_with_its_own_time_and_the_key_as_it_is() -> None:
    keys, now = [KEY], [1_614_265_330_999]
    signing = Signing(Secret(lambda: keys[0]), lambda: now[0])
    request = httpx.Request("POST", "https://hooks.example.com", headers={"webhook-id": MESSAGE}, content=BODY)
    (signed,) = signing.auth_flow(request)
    assert (signed.headers["webhook-timestamp"], signed.headers["webhook-signature"]) == (AT, V1)
    keys[0], now[0] = PRIVATE, 1_614_265_331_000
    (signed,) = signing.auth_flow(request)
    assert signed.headers["webhook-timestamp"] == "1614265331"
    assert signed.headers["webhook-signature"] == signatures(PRIVATE, MESSAGE, "1614265331", BODY)
