"""Amazon SNS: the envelope in which SES' events come, its signature and its certificate.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html: versions 1 (SHA-1) and 2 (SHA-256), RSA PKCS#1 v1.5 over the
canonical string; the certificate from SNS by HTTPS, its chain of trust checked, the TopicArn expected.
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html: the string, by type of message.
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from providers.feedback.errors import BadCertificate, BadSignature, Malformed, NotSigned, UnknownSender
from providers.feedback.signing import encoded, from_base64
from providers.feedback.sns_certificate import key_of

NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED = {"Notification": NOTIFICATION, "SubscriptionConfirmation": CONFIRMATION, "UnsubscribeConfirmation": CONFIRMATION}
"""By type: the fields of the canonical string, in order. `Subject` is left out where it is not there."""
HASHES: dict[str, HashAlgorithm] = {"1": SHA1(), "2": SHA256()}

_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_.-]{1,256}", re.ASCII)
_HOST = re.compile(r"sns\.([a-z0-9-]{3,30})\.amazonaws\.com(?:\.cn)?", re.ASCII)
_PATH = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]{1,100}\.pem", re.ASCII)

Envelope = dict[str, str]


def envelope_of(said: dict[str, Any]) -> Envelope:
    """Return the texts of an SNS message whose type and fields are the documented ones. Raises NotSigned, Malformed."""
    found = {name: value for name, value in said.items() if isinstance(value, str)}
    if any(not found.get(name) for name in ("Signature", "SignatureVersion", "SigningCertURL")):
        raise NotSigned("no signature, or no version or certificate to it")
    names = SIGNED.get(found.get("Type", ""))
    if names is None or any(name not in found for name in names if name != "Subject"):
        raise Malformed("not an SNS message: an unknown type, or a field is missing")
    if any("\n" in found.get(name, "") for name in names if name != "Message"):  # or a field could begin inside another one
        raise Malformed("a field of an SNS message has two lines")
    return found


def topic_of(envelope: Envelope, topics: Sequence[str]) -> str:
    """Return the region of the topic. Raises UnknownSender when it is none of ours."""
    match = _TOPIC.fullmatch(envelope["TopicArn"])
    if match is None or envelope["TopicArn"] not in topics:
        raise UnknownSender("the topic is not configured")
    return match[1]


def certificate_url_of(envelope: Envelope, region: str) -> str:
    """Return where the certificate is: at SNS in the topic's region. Raises BadCertificate for any other place."""
    parts = _split(envelope["SigningCertURL"], region)
    if not _PATH.fullmatch(parts[1]) or parts[2]:
        raise BadCertificate("the certificate's path is not one of SNS")
    return envelope["SigningCertURL"]


def subscribe_url_of(envelope: Envelope, region: str) -> str:
    """Return the URL that confirms the subscription of this topic by this token: at SNS in the topic's region. Raises UnknownSender."""
    try:
        _, path, query = _split(envelope["SubscribeURL"], region)
        asked = parse_qs(query, strict_parsing=True)
    except (BadCertificate, ValueError):
        raise UnknownSender("the subscription is confirmed somewhere else") from None
    wanted = {"Action": ["ConfirmSubscription"], "TopicArn": [envelope["TopicArn"]], "Token": [envelope["Token"]]}
    if path != "/" or asked != wanted:
        raise UnknownSender("the URL does not confirm this subscription")
    return envelope["SubscribeURL"]


def _split(url: str, region: str) -> tuple[str, str, str]:
    """Host, path and query of an HTTPS URL of SNS in a region, with nothing else in it. Raises BadCertificate."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BadCertificate("not a URL") from None
    host = _HOST.fullmatch(parts.netloc)  # so neither user, port nor upper case
    if parts.scheme != "https" or host is None or host[1] != region or parts.netloc.endswith(".cn") != region.startswith("cn-"):
        raise BadCertificate("not a URL of SNS in the topic's region")
    if url != f"https://{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else ""):
        raise BadCertificate("a URL of SNS with more in it")
    return parts.netloc, parts.path, parts.query


def check_signature(envelope: Envelope, certificate: bytes) -> None:
    """Return when the message is signed by the key of the certificate. Raises BadSignature, BadCertificate, Malformed."""
    algorithm = HASHES.get(envelope["SignatureVersion"])
    if algorithm is None:
        raise Malformed("an unknown version of signatures")
    signature = from_base64(envelope["Signature"], "the signature")
    try:
        key_of(certificate).verify(signature, canonical(envelope), PKCS1v15(), algorithm)
    except InvalidSignature:
        raise BadSignature("the signature is not of this message by that certificate") from None


def canonical(envelope: Envelope) -> bytes:
    """Return the bytes that are signed."""
    names = [name for name in SIGNED[envelope["Type"]] if name in envelope]
    return encoded("".join(f"{name}\n{envelope[name]}\n" for name in names))
