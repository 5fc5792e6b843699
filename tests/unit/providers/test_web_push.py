"""Web Push: what is encrypted is what the RFC shows, what a service answers is what it means, and only push services are asked."""

import json
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec.structs import replace

from providers.base import Accepted, Message, Outcome, Rejected, Throttled, Unavailable, Unknown
from providers.errors import DeclarationError, SignInError
from providers.secret import Secret
from providers.vapid import MAX_ORIGINS, Vapid
from providers.web_push import WebPush
from providers.web_push_codes import ERRNOS
from providers.web_push_crypto import CURVE, KEY_BYTES, MAX_PLAINTEXT, ORDER, decoded, encoded, encrypted, key_of, point
from providers.web_push_subscription import PUSH_SERVICES, Subscription, is_among, subscription_of
from schemas.records import PushOverrides
from tests.emulators.web_push import browser, private_key, raw, unb64, vapid_key

NOW = 1_732_147_200_000
HOUR_MS = 3_600_000
ORIGIN = "https://web.push.apple.com"
ANN = browser("ann")
MESSAGE = Message(
    message_id="b-1.0.0",
    notification_id="n",
    user_id="u",
    address=ANN.subscription(ORIGIN),
    platform="web",
    title="Your order",
    body="It is on its way – it’ll be there at noon.",
    sent_at=NOW,
)


def web_push(**options: Any) -> WebPush:
    return WebPush("push", Secret(vapid_key("right")), "mailto:ops@example.com", **options)


def test_the_example_of_the_rfc() -> None:
    """RFC 8291, 5 and appendix A."""
    receiver = decoded("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
    sender = int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
    body = encrypted(
        b"When I grow up, I want to be a watermelon",
        ec.EllipticCurvePublicKey.from_encoded_point(CURVE, receiver),
        decoded("BTBZMqHH6r4Tts7J_aSIgg"),
        decoded("DGv6ra1nlYgDCS1FRnbzlw"),
        ec.derive_private_key(sender, CURVE),
    )
    assert encoded(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_y"
        "l95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_a_message_is_never_encrypted_the_same_twice() -> None:
    bodies = [web_push().build([MESSAGE]).content for _ in range(20)]
    assert len({body[:16] for body in bodies}) == 20  # salts
    assert len({body[21:86] for body in bodies}) == 20  # keys
    assert len({ANN.read(body) for body in bodies}) == 1


@pytest.mark.parametrize("random", [b"\x00" * KEY_BYTES, b"\xff" * KEY_BYTES, (ORDER - 1).to_bytes(KEY_BYTES), ORDER.to_bytes(KEY_BYTES)])
def test_any_random_bytes_make_a_key(random: bytes) -> None:
    assert 1 <= key_of(random).private_numbers().private_value < ORDER


@pytest.mark.parametrize("text", ["", "YQ", "YQ==", "_-8", "AAAA"])
def test_base64url_comes_with_and_without_padding(text: str) -> None:
    assert encoded(decoded(text)) == text.rstrip("=")


def test_the_request() -> None:
    request = web_push().build([replace(MESSAGE, priority="high", expires_at=NOW + 90_500, push=PushOverrides(collapse_key="o-17"))])
    assert (request.method, str(request.url)) == ("POST", f"{ORIGIN}/wpush/v2/ann")
    assert request.headers["content-encoding"] == "aes128gcm"
    assert (request.headers["ttl"], request.headers["urgency"]) == ("90", "high")
    assert len(request.headers["topic"]) == 32
    assert len(request.content) == 86 + len(ANN.read(request.content)) + 1 + 16


@pytest.mark.parametrize(
    ("priority", "urgency"), [("critical", "high"), ("high", "high"), ("normal", "normal"), ("low", "low"), ("?", "normal")]
)
def test_urgency(priority: str, urgency: str) -> None:
    assert web_push().build([replace(MESSAGE, priority=priority)]).headers["urgency"] == urgency


@pytest.mark.parametrize(("expires_at", "ttl"), [(None, "2419200"), (NOW + 10**12, "2419200"), (NOW + 1_000, "1"), (NOW - 1, "0")])
def test_time_to_live_is_always_given(expires_at: int | None, ttl: str) -> None:
    assert web_push().build([replace(MESSAGE, expires_at=expires_at)]).headers["ttl"] == ttl


@pytest.mark.parametrize("key", ["o", "order-17-abcd", "x" * 33, "a b", "ö", "\n"])
def test_a_topic_is_what_all_services_take(key: str) -> None:
    def topic(of: str) -> str:
        found: str = web_push().build([replace(MESSAGE, push=PushOverrides(collapse_key=of))]).headers["topic"]
        return found

    assert topic(key) == topic(key) != topic(key + "'")
    assert len(topic(key)) == 32
    assert topic(key).isalnum()
    assert "topic" not in web_push().build([MESSAGE]).headers


def test_the_payload_is_that_of_the_documentation() -> None:
    push = PushOverrides(
        image="https://example.com/i.png",
        link="https://example.com/o",
        sound="chime",
        badge=0,
        category="ORDER",
        thread="t",
        android_channel="orders",
        collapse_key="o-17",
        data={"order": "o-17"},
    )
    body = web_push().build([replace(MESSAGE, push=push, ref="3.b-1.0.0")]).content
    assert json.loads(ANN.read(body)) == {
        "title": MESSAGE.title,
        "body": MESSAGE.body,
        "image": "https://example.com/i.png",
        "link": "https://example.com/o",
        "sound": "chime",
        "badge": 0,
        "category": "ORDER",
        "thread": "t",
        "collapse_key": "o-17",
        "data": {"order": "o-17"},
        "ref": "3.b-1.0.0",
    }
    assert json.loads(ANN.read(web_push().build([MESSAGE]).content)) == {"title": MESSAGE.title, "body": MESSAGE.body}


def test_a_text_that_is_too_long_is_refused_and_the_longest_is_not() -> None:
    room = MAX_PLAINTEXT - len(ANN.read(web_push().build([replace(MESSAGE, body="")]).content)) - len(b',"body":""')
    longest = replace(MESSAGE, body="x" * room)
    assert web_push().refused(longest) is None
    assert len(web_push().build([longest]).content) == 4096
    refused = web_push().refused(replace(MESSAGE, body="x" * (room + 1)))
    assert refused == Rejected("payload_too_large", "3994 bytes, there is room for 3993")


def told(**changed: Any) -> str:
    """Ann's subscription with other members; None: without it."""
    made = json.loads(ANN.subscription(ORIGIN)) | changed
    return json.dumps({name: value for name, value in made.items() if value is not None})


KEYS = json.loads(ANN.subscription(ORIGIN))["keys"]
OFF_THE_CURVE = encoded(b"\x04" + b"\x01" * 64)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "null",
        "[]",
        "{",
        "[" * 100_000,
        told(endpoint=None),
        told(keys=None),
        told(keys={}),
        told(keys=KEYS | {"auth": ""}),
        told(keys=KEYS | {"auth": encoded(b"x" * 15)}),
        told(keys=KEYS | {"auth": "!" * 22}),
        told(keys=KEYS | {"p256dh": encoded(point(ANN.key.public_key())[:64])}),
        told(keys=KEYS | {"p256dh": OFF_THE_CURVE}),
        told(keys=KEYS | {"p256dh": 7}),
        told(extra="x" * 5000),
    ],
    ids=range(15),
)
def test_what_is_no_subscription_is_dead(address: str) -> None:
    refused = web_push().refused(replace(MESSAGE, address=address))
    assert isinstance(refused, Rejected)
    assert (refused.reason, refused.address_dead) == ("bad_subscription", True)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "HTTP://fcm.googleapis.com/x",
        "ftp://fcm.googleapis.com/x",
        "//fcm.googleapis.com/x",
        "https:fcm.googleapis.com/x",
        "https:///fcm.googleapis.com/x",
        "https://user@fcm.googleapis.com/x",
        "https://evil.example\\@fcm.googleapis.com/x",
        "https://evil.example#@fcm.googleapis.com/x",
        "https://evil.example?@fcm.googleapis.com/x",
        "https://fcm.googleapis.com\t/x",
        "https://fcm.googleapis.com/x y",
        "https://fcm.googleapis.com/\nx",
        "https://fcm.googleapis.com./x",
        "https://fcm。googleapis.com/x",
        "https://[::1]/x",
        "https://fcm.googleapis.com:x/x",
        "https://fcm.googleapis.com",
    ],
)
def test_an_endpoint_that_could_be_read_in_two_ways_is_none(endpoint: str) -> None:
    assert subscription_of(told(endpoint=endpoint)) == "the endpoint is no https URL"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://127.0.0.1/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://localhost/x",
        "https://kafka/x",
        "https://10.0.0.7:9092/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com/x",
        "https://xn--fcm-x.googleapis.com/x",
        "https://googleapis.com/x",
        "https://push.example/x",
    ],
)
def test_only_push_services_are_asked(endpoint: str) -> None:
    refused = web_push().refused(replace(MESSAGE, address=told(endpoint=endpoint)))
    assert isinstance(refused, Rejected)
    assert (refused.reason, refused.address_dead) == ("unknown_push_service", False)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/dQw4:APA91b",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
        "https://web.push.apple.com/QOXHJ",
        "https://wns2-par02p.notify.windows.com/w/?token=BQ%3d%3d",
        "https://FCM.googleapis.com:443/fcm/send/x",
    ],
)
def test_push_services_are(endpoint: str) -> None:
    assert web_push().refused(replace(MESSAGE, address=told(endpoint=endpoint))) is None
    assert web_push(services=("push.example",)).refused(replace(MESSAGE, address=told(endpoint=endpoint))) is not None


def test_a_deployment_names_its_own() -> None:
    address = told(endpoint="https://eu.push.example/x")
    assert web_push(services=(*PUSH_SERVICES, "push.example")).refused(replace(MESSAGE, address=address)) is None
    assert is_among("push.example", ("push.example",))
    assert not is_among("notpush.example", ("push.example",))


def test_a_subscription_shows_no_endpoint() -> None:
    found = subscription_of(MESSAGE.address)
    assert isinstance(found, Subscription)
    assert repr(found) == "Subscription(web.push.apple.com)"


def answered(status: int, body: dict[str, Any] | str = "", **headers: str) -> Outcome:
    content = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    (outcome,) = web_push().parse([MESSAGE], httpx.Response(status, content=content.encode(), headers=named))
    return outcome


def meant(outcome: Outcome) -> str:
    match outcome:
        case Rejected(address_dead=dead):
            return "dead" if dead else "permanent"
        case Unavailable(config=config):
            return "ours" if config else "down"
        case _:
            return type(outcome).__name__.lower()


# RFC 8030, 5, 7.3 and 8.4; RFC 8292, 4.2; https://mozilla-services.github.io/autopush-rs/errors.html
STATUSES = [
    (400, "permanent"),
    (401, "ours"),
    (403, "ours"),
    (404, "dead"),
    (405, "ours"),
    (410, "dead"),
    (413, "permanent"),
    (429, "throttled"),
    (500, "down"),
    (502, "down"),
    (503, "down"),
    (504, "unknown"),
    (200, "unknown"),
    (202, "unknown"),
    (301, "down"),
]


@pytest.mark.parametrize(("status", "meaning"), STATUSES)
def test_each_status(status: int, meaning: str) -> None:
    assert meant(answered(status)) == meaning


# https://mozilla-services.github.io/autopush-rs/errors.html
MOZILLA = [
    (400, 101, "permanent"),
    (400, 108, "dead"),
    (400, 110, "permanent"),
    (400, 111, "permanent"),
    (400, 112, "permanent"),
    (400, 113, "permanent"),
    (401, 109, "ours"),
    (404, 102, "dead"),
    (410, 103, "dead"),
    (410, 105, "dead"),
    (410, 106, "dead"),
    (413, 104, "permanent"),
    (429, 201, "throttled"),
    (500, 999, "down"),
    (502, 900, "down"),
    (502, 901, "down"),
    (502, 902, "down"),
    (502, 903, "unknown"),
    (503, 201, "throttled"),
    (503, 202, "down"),
]


@pytest.mark.parametrize(("status", "errno", "meaning"), MOZILLA)
def test_each_errno_of_mozilla(status: int, errno: int, meaning: str) -> None:
    outcome = answered(status, {"code": status, "errno": errno, "error": "", "message": "Its own words"})
    assert meant(outcome) == meaning
    assert "Its own words" in repr(outcome)


def test_no_errno_is_known_that_is_not_documented() -> None:
    assert ERRNOS.keys() == {errno for _, errno, _ in MOZILLA}


# https://developer.apple.com/documentation/usernotifications/sending-web-push-notifications-in-web-apps-and-browsers
APPLE = [
    (400, "BadWebPushTopic", "permanent"),
    (400, "BadTtl", "permanent"),
    (403, "BadJwtToken", "ours"),
    (403, "VapidPkHashMismatch", "ours"),
    (410, "Unregistered", "dead"),
]


@pytest.mark.parametrize(("status", "reason", "meaning"), APPLE)
def test_apple_says_why(status: int, reason: str, meaning: str) -> None:
    outcome = answered(status, {"reason": reason})
    assert meant(outcome) == meaning
    assert reason in repr(outcome)


def test_success_names_the_message_and_does_not_let_others_take_it_back() -> None:
    """The example of RFC 8030, 5."""
    assert answered(201, location="https://push.example.net/message/qDIYHNcfAIPP_5ITvURr-d6BGt") == Accepted("qDIYHNcfAIPP_5ITvURr-d6BGt")
    assert answered(201) == Accepted("")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_retry_after_is_kept_to(status: int) -> None:
    outcome = answered(status, retry_after="120")
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after_ms == 120_000


def test_an_upstream_time_out_leaves_it_open_whoever_says_so() -> None:
    assert isinstance(answered(502, {"errno": 903}), Unknown)


class Signing:
    """The sign-in, with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now, self.key = NOW, vapid_key("right")
        self.vapid = Vapid(Secret(lambda: self.key), "mailto:ops@example.com", lambda: self.now)

    def header(self, url: str = f"{ORIGIN}/wpush/v2/ann") -> str:
        request = httpx.Request("POST", url)
        next(self.vapid.auth_flow(request))
        found: str = request.headers["authorization"]
        return found


@pytest.fixture
def signing() -> Signing:
    return Signing()


def test_the_sign_in_is_that_of_the_rfc(signing: Signing) -> None:
    """RFC 8292, 2 and 3: t is a JWT for the origin, k the uncompressed point."""
    scheme, _, rest = signing.header().partition(" ")
    said = dict(part.split("=", 1) for part in rest.split(", "))
    assert scheme == "vapid"
    assert unb64(said["k"]) == raw(private_key("right").public_key())
    assert jwt.get_unverified_header(said["t"]) == {"alg": "ES256", "typ": "JWT"}
    claims = jwt.decode(said["t"], private_key("right").public_key(), ["ES256"], audience=ORIGIN, options={"verify_exp": False})
    assert claims == {"aud": ORIGIN, "exp": NOW // 1000 + 12 * 3600, "sub": "mailto:ops@example.com"}


def test_one_sign_in_an_origin_serves_11_hours(signing: Signing) -> None:
    first, other = signing.header(), signing.header("https://fcm.googleapis.com/fcm/send/x")
    assert first != other
    signing.now += 11 * HOUR_MS - 1
    assert (signing.header(), signing.header("https://fcm.googleapis.com/fcm/send/y")) == (first, other)
    signing.now += 1
    assert signing.header() != first


def test_a_key_that_is_replaced_signs_the_next(signing: Signing) -> None:
    first = signing.header()
    signing.key = vapid_key("second")
    assert signing.header().rpartition("k=")[2] != first.rpartition("k=")[2]


def test_the_number_of_origins_is_bounded(signing: Signing) -> None:
    for number in range(MAX_ORIGINS + 5):
        signing.header(f"https://wns{number}.notify.windows.com/w/")
    assert len(vars(signing.vapid)["_headers"]) <= MAX_ORIGINS


def test_a_key_in_pem_is_the_same_key(signing: Signing) -> None:
    first = signing.header()
    signing.key = private_key("right").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert signing.header().rpartition("k=")[2] == first.rpartition("k=")[2]


P384 = ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("key", ["", "hunter2", encoded(b"\x00" * 32), encoded(b"\xff" * 32), encoded(b"x" * 31), "-----BEGIN", P384])
def test_a_key_that_is_none_is_our_fault_and_in_no_text(key: str, signing: Signing) -> None:
    signing.key = key
    with pytest.raises(SignInError) as caught:
        signing.header()
    assert caught.value.ours
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("subject", ["", "ops@example.com", "http://example.com"])
def test_a_subject_that_nobody_can_turn_to_is_refused(subject: str) -> None:
    with pytest.raises(DeclarationError, match="subject must begin with"):
        WebPush("push", Secret("key"), subject)
