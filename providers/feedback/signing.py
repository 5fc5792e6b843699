"""What every signature check needs: headers that are there once, several secrets at once, times, comparing in constant time. Pure."""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from providers.feedback.base import Request
from providers.feedback.errors import BadSecret, BadSignature, Malformed, NotSigned, TooOld
from providers.secret import Secret

AHEAD_S = 300
"""How far a sender's clock may be ahead of ours, when the tolerance is not even smaller."""
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def header(request: Request, name: str) -> str:
    """Return the value of a header that must be there. Raises NotSigned without it, Malformed when it is there twice."""
    value = header_or_none(request, name)
    if value is None:
        raise NotSigned(f"no header {name}")
    return value


def header_or_none(request: Request, name: str) -> str | None:
    """Return the value of a header, whatever the case of its name; None: it is not there. Raises Malformed when it is there twice."""
    values = [value for key, value in request.headers if key.lower() == name.lower()]
    if len(values) > 1:
        raise Malformed(f"the header {name} is there {len(values)} times")
    return values[0] if values else None


def secrets_of(secret: Secret) -> list[str]:
    """Return the secrets that hold now: white space separates the new from the old while they are exchanged. Raises BadSecret."""
    found = secret.reveal().split()
    if not found:
        raise BadSecret("no secret is given")
    return found


def encoded(text: str) -> bytes:
    """Return what was signed of a text. Raises Malformed when it came as bytes that are no UTF-8: they must not pass for others."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Malformed("what is signed is not UTF-8") from None


def check_mac(given: Sequence[str], ours: Sequence[str]) -> None:
    """Return when one of the signatures `given` is one of `ours`, made with each secret. Raises BadSignature.

    Compared as text, so nothing but the one canonical spelling of a signature is taken; all pairs are, whatever the first ones say.
    """
    matches = [hmac.compare_digest(each.encode(errors="replace"), own.encode()) for each in given for own in ours]
    if not any(matches):
        raise BadSignature("the signature is not of this request by a secret of ours")


def hmac_hex(secret: str | bytes, signed: bytes, algorithm: str = "sha256") -> str:
    """Return the MAC as lower case hexadecimal digits."""
    return hmac.new(secret.encode() if isinstance(secret, str) else secret, signed, algorithm).hexdigest()


def hmac_base64(secret: str | bytes, signed: bytes, algorithm: str = "sha256") -> str:
    """Return the MAC in base64, padded."""
    return b64encode(hmac.new(secret.encode() if isinstance(secret, str) else secret, signed, algorithm).digest()).decode()


def seconds(text: str, what: str) -> int:
    """Return whole seconds since the epoch. Raises Malformed that names `what`."""
    if not _SECONDS.fullmatch(text):
        raise Malformed(f"{what} is not a time in seconds")
    return int(text)


def check_age(signed_s: int, now: int, tolerance_s: int) -> None:
    """Return when something was signed at most `tolerance_s` before `now` (epoch ms). Raises TooOld, also when it is of the future."""
    age_ms = now - 1000 * signed_s
    if age_ms > 1000 * tolerance_s:
        raise TooOld(f"signed more than {tolerance_s} s ago")
    if age_ms < -1000 * min(tolerance_s, AHEAD_S):
        raise TooOld("signed in the future, by our clock")


def from_base64(text: str, what: str) -> bytes:
    """Return the bytes of padded base64 in its one canonical spelling. Raises Malformed that names `what`."""
    try:
        found = b64decode(text, validate=True)
    except ValueError:
        raise Malformed(f"{what} is not base64") from None
    if b64encode(found).decode() != text:
        raise Malformed(f"{what} is not base64 as it is written")
    return found


def from_base64url(text: str, what: str) -> bytes:
    """Return the bytes of base64url without padding, as in a JWT (RFC 7515, 2). Raises Malformed that names `what`."""
    try:
        found = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        raise Malformed(f"{what} is not base64url") from None
    if urlsafe_b64encode(found).rstrip(b"=").decode() != text:
        raise Malformed(f"{what} is not base64url as it is written")
    return found


def digest(data: bytes) -> bytes:
    """Return what content is known by: SHA-256."""
    return hashlib.sha256(data).digest()
