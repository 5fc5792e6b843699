"""Vonage's two kinds of signatures: a JWT, and a parameter of the parameters. Pure."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Literal

from providers.feedback.errors import BadSignature, NotSigned
from providers.feedback.reading import at, json_object
from providers.feedback.signing import check_mac, encoded, from_base64url, hmac_hex

Method = Literal["md5hash", "md5", "sha1", "sha256", "sha512"]
"""As an account is set, for the SMS API: the MD5 of parameters and secret, or an HMAC."""
_JWT = re.compile(r"Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)


def claims_of(authorization: str, secrets: list[str]) -> dict[str, Any]:
    """Return the claims of a JWT that is signed with HS256 by one of the secrets (RFC 7515). Raises NotSigned, BadSignature, Malformed."""
    match = _JWT.fullmatch(authorization)
    if match is None:
        raise NotSigned("no token in the header Authorization")
    head = json_object(from_base64url(match[1], "the token"))
    if at(head, "alg") != "HS256" or at(head, "crit") is not None:
        raise BadSignature("the token is not signed with HS256")
    signed = f"{match[1]}.{match[2]}".encode()
    check_mac([from_base64url(match[3], "the token").hex()], [hmac_hex(secret, signed) for secret in secrets])
    return json_object(from_base64url(match[2], "the token"))


def canonical(form: Mapping[str, str]) -> bytes:
    """Return what the SMS API signs of the parameters: `&key=value` of each but sig, sorted by key, with `_` for what separates them."""
    plain = {key: form[key].replace("&", "_").replace("=", "_") for key in sorted(form) if key != "sig"}
    return encoded("".join(f"&{key}={value}" for key, value in plain.items()))


def sign(method: Method, secret: str, signed: bytes) -> str:
    """Return `sig`: lower case hexadecimal digits."""
    if method == "md5hash":
        return hashlib.md5(signed + secret.encode(), usedforsecurity=False).hexdigest()
    return hmac_hex(secret, signed, method)
