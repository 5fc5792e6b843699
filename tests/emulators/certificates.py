"""Certificates as SNS has them, from an authority of ours."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SINCE = datetime(2024, 1, 1, tzinfo=UTC)
SNS = "sns.amazonaws.com"


@lru_cache
def private_key(name: str) -> RSAPrivateKey:
    """A key of its own for each name."""
    return generate_private_key(65537, 2048)


@lru_cache
def authority(name: str = "Amazon") -> x509.Certificate:
    """A root."""
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    made = _builder(name, name, name, days=20_000)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(usage, critical=True)
    return made.sign(private_key(name), SHA256())


@lru_cache
def leaf(common_name: str = SNS, issuer: str = "Amazon", since: datetime = SINCE, days: int = 20_000, host: str = "") -> bytes:
    """A certificate in PEM; `host`: for whom it speaks, when that is not its common name."""
    made = _builder(common_name, issuer, f"leaf of {common_name}", since=since, days=days)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host or common_name)]), critical=False)
    made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return made.sign(private_key(issuer), SHA256()).public_bytes(Encoding.PEM)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _builder(name: str, issuer: str, key: str, *, since: datetime = SINCE, days: int) -> x509.CertificateBuilder:
    public, issuing = private_key(key).public_key(), private_key(issuer).public_key()
    return (
        x509.CertificateBuilder(
            issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
            public_key=public,
            serial_number=x509.random_serial_number(),
            not_valid_before=since,
            not_valid_after=since + timedelta(days=days),
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing), critical=False)
    )
