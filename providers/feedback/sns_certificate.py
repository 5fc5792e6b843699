"""SNS' signing certificate: whose it is, for how long, and who says so. Pure.

https://github.com/aws/aws-sdk-java-v2/tree/master/services-custom/sns-message-manager: which common name it has in which region, and that
the file is the leaf certificate alone. So what issued it must be known: `roots` has Amazon's intermediate authorities beside its roots
(https://www.amazontrust.com/repository/).
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from providers.feedback.errors import BadCertificate, BadSecret

_CERTIFICATE = re.compile(rb"\s*-----BEGIN CERTIFICATE-----[0-9A-Za-z+/=\s]+-----END CERTIFICATE-----\s*")
MAX_CERTIFICATE_BYTES = 16_384
MAX_KEY_BITS = 4096
UNREADABLE = (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension)
"""What cryptography raises of a certificate, or of a time, that can't be."""


def check_certificate(certificate: bytes, roots: str, region: str, now: int) -> None:
    """Return when the certificate is SNS' in that region, valid at `now` (epoch ms), and issued below one of `roots` (PEM).

    Raises BadCertificate, BadSecret when the roots can't be read.
    """
    leaf, name = _leaf(certificate), common_name(region)
    try:
        at = datetime.fromtimestamp(now / 1000, UTC)
        names = {attribute.value for attribute in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
        if names != {name}:
            raise BadCertificate("the certificate is not SNS'")
        PolicyBuilder().store(roots_of(roots)).time(at).build_server_verifier(x509.DNSName(name)).verify(leaf, [])
    except VerificationError:
        raise BadCertificate("the certificate is expired, or of no chain we trust") from None
    except UNREADABLE:
        raise BadCertificate("the certificate can't be checked") from None


def common_name(region: str) -> str:
    """Return whose certificate SNS signs with in a region (aws-sdk-java-v2, SnsHostProvider)."""
    if region.startswith("cn-"):
        return f"sns-{region}.amazonaws.com.cn"
    if region.startswith("us-gov-"):
        return "sns-us-gov-west-1.amazonaws.com"
    return f"sns-signing.{region}.amazonaws.com" if region in OPTED_IN else "sns.amazonaws.com"


OPTED_IN = frozenset(
    {
        *("af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6"),
        *("ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "me-south-1"),
        "mx-central-1",
    }
)
"""Regions that have a certificate of their own."""


@lru_cache(maxsize=4)
def roots_of(pem: str) -> Store:
    """Return the authorities that are trusted. Raises BadSecret."""
    try:
        return Store(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        raise BadSecret("the roots are not certificates in PEM") from None


@lru_cache(maxsize=16)
def _leaf(certificate: bytes) -> x509.Certificate:
    """The one certificate of a file. Raises BadCertificate."""
    if len(certificate) > MAX_CERTIFICATE_BYTES or not _CERTIFICATE.fullmatch(certificate):
        raise BadCertificate("not one certificate in PEM")
    try:
        return x509.load_pem_x509_certificate(certificate)
    except UNREADABLE:
        raise BadCertificate("the certificate can't be read") from None


def key_of(certificate: bytes) -> RSAPublicKey:
    """Return the key that messages are verified with. Raises BadCertificate."""
    try:
        key = _leaf(certificate).public_key()
    except UNREADABLE:
        raise BadCertificate("the certificate's key can't be read") from None
    if not isinstance(key, RSAPublicKey) or key.key_size > MAX_KEY_BITS:
        raise BadCertificate("the certificate's key is not RSA, or too large")
    return key
