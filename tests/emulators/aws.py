"""What the AWS emulators share: they check Signature Version 4 themselves, from the request as it arrived.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, without our signing code.
"""

import hashlib
import hmac
import re
import time
from datetime import UTC, datetime
from urllib.parse import quote

from aiohttp import web

ACCESS_KEY, SECRET_KEY, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-west-1"
MUST_BE_SIGNED = {"host", "x-amz-date", "content-type"}
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


async def refusal_of(request: web.BaseRequest, service: str, skew_s: float = 900) -> str:
    """The name of the error, as services that speak JSON call it; empty: the signature is right."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if not found:
        return "IncompleteSignatureException" if "authorization" in request.headers else "MissingAuthenticationTokenException"
    if found["key"] != ACCESS_KEY:
        return "UnrecognizedClientException"
    stamp = request.headers.get("x-amz-date", "")
    names = found["names"].split(";")
    if (found["region"], found["service"], found["day"]) != (REGION, service, stamp[:8]) or not set(names) >= MUST_BE_SIGNED:
        return "InvalidSignatureException"
    moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    if abs(time.time() - moment) > skew_s:
        return "RequestExpired"
    path, _, query = request.raw_path.partition("?")
    lines = [request.method, quote(path), "&".join(sorted(query.split("&")))]
    lines += [f"{name}:{' '.join(','.join(request.headers.getall(name)).split())}" for name in names]
    lines += ["", found["names"], hashlib.sha256(await request.read()).hexdigest()]
    scope = f"{found['day']}/{REGION}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()])
    key = b"AWS4" + SECRET_KEY.encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return "" if hmac.compare_digest(key.hex(), found["signature"]) else "InvalidSignatureException"
