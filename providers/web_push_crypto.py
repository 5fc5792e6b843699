"""Encryption of push messages for the browser that subscribed: RFC 8291, with the content coding aes128gcm of RFC 8188. Pure.

The push service sees neither text nor data. Salt and key pair are the caller's to give, and must be new for each message: they decide the
content key and nonce, and AES-GCM gives up its secrets when these are used twice.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256 (FIPS 186-5)."""
RECORD = 4096
SALT_BYTES, AUTH_BYTES, POINT_BYTES, TAG_BYTES = 16, 16, 65, 16
KEY_BYTES = 40
"""Random bytes of a private key: 64 bits more than the order has, so that no key is likelier than another (FIPS 186-5, A.2.1)."""
MAX_PLAINTEXT = RECORD - (SALT_BYTES + 4 + 1 + POINT_BYTES) - 1 - TAG_BYTES
"""Bytes: a push service has to take 4096 (RFC 8030, 7.2), so the header, the delimiter and the tag leave 3993 (RFC 8291, 4)."""


def encrypted(plaintext: bytes, receiver: ec.EllipticCurvePublicKey, auth: bytes, salt: bytes, sender: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the body of a push message. `receiver`, `auth`: keys of the subscription; `salt`, `sender`: of this message alone."""
    theirs, ours = point(receiver), point(sender.public_key())
    shared = sender.exchange(ec.ECDH(), receiver)
    material = _derived(auth, shared, b"WebPush: info\0" + theirs + ours, 32)
    key = _derived(salt, material, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(salt, material, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4) + len(ours).to_bytes(1) + ours
    return header + AESGCM(key).encrypt(nonce, plaintext + b"\x02", None)  # the delimiter of the last record


def key_of(random: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the private key that `KEY_BYTES` random bytes make."""
    return ec.derive_private_key(int.from_bytes(random) % (ORDER - 1) + 1, CURVE)


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the uncompressed point."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encoded(data: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return what base64url, padded or not, stands for. Raises ValueError."""
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def _derived(salt: bytes, material: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(material)
