"""One suite over all parsers of feedback: what is rightly signed is heard, and everything else is refused."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.feedback.base import Reading, Request
from providers.feedback.errors import BadCertificate, BadSignature, FeedbackRefused, Malformed, NotSigned, Replayed, TooOld
from providers.feedback.registry import KINDS
from providers.feedback.seen import Seen
from providers.feedback.slack import Slack
from tests.emulators import certificates
from tests.emulators.webhooks import NOW, NOW_S, SENDERS, Sender, ours, parsed, ses, slack

MINUTE_MS = 60_000


@pytest.fixture(params=SENDERS)
def sender(request: pytest.FixtureRequest) -> Sender:
    return SENDERS[request.param]


def read(sender: Sender, request: Request, now: int = NOW) -> Reading:
    return parsed(sender.make(), request, now)


def with_headers(request: Request, headers: list[tuple[str, str]]) -> Request:
    return Request(headers, request.body, request.url)


def test_every_kind_is_here() -> None:
    assert {re.sub("_.*", "", name) for name in SENDERS} == KINDS.keys()


def test_what_is_rightly_signed_is_heard(sender: Sender) -> None:
    reading = read(sender, sender.sign(sender.told))
    assert reading.heard
    assert reading.signed_id
    assert all(heard.event_id and heard.raw and heard.occurred_at for heard in reading.heard)
    assert len({heard.event_id for heard in reading.heard}) == len(reading.heard)


def test_parsing_is_pure(sender: Sender) -> None:
    request = sender.sign(sender.told)
    assert read(sender, request) == read(sender, request)


def test_headers_have_no_case(sender: Sender) -> None:
    request = sender.sign(sender.told)
    swapped = with_headers(request, [(name.swapcase(), value) for name, value in request.headers])
    assert read(sender, swapped) == read(sender, request)


def test_an_old_signature_is_refused(sender: Sender) -> None:
    if not sender.timed:
        pytest.skip("it signs no time")
    tolerance_s = sender.make().tolerance_s
    read(sender, sender.sign(sender.told, NOW_S - tolerance_s))
    with pytest.raises(TooOld):
        read(sender, sender.sign(sender.told, NOW_S - tolerance_s - 1))


def test_a_signature_of_the_future_is_refused(sender: Sender) -> None:
    if not sender.timed:
        pytest.skip("it signs no time")
    read(sender, sender.sign(sender.told, NOW_S + 300))
    with pytest.raises(TooOld):
        read(sender, sender.sign(sender.told, NOW_S + 301))


def test_a_signature_by_another_key_is_refused(sender: Sender) -> None:
    with pytest.raises(BadSignature):
        read(sender, sender.sign(sender.told, NOW_S, sender.wrong))


def test_another_body_under_the_signature_is_refused(sender: Sender) -> None:
    if not sender.whole:
        pytest.skip("Mailgun does not sign the event (test_a_seen_id_with_other_content_is_refused), Postmark nothing at all")
    told, other = sender.sign(sender.told), sender.sign(sender.other)
    with pytest.raises(BadSignature):
        read(sender, Request(told.headers, _transplanted(told.body, other.body), told.url))


def _transplanted(told: bytes, other: bytes) -> bytes:
    """The other body, under what is in the first one's body of the signature."""
    for pattern in (rb"sig=\w+", rb'"Signature": "[^"]+"'):
        if found := re.search(pattern, told):
            return re.sub(pattern, found[0], other)
    return other


def test_without_one_of_the_headers_it_is_refused(sender: Sender) -> None:
    request = sender.sign(sender.told)
    for missing in sender.headers:
        with pytest.raises(NotSigned):
            read(sender, with_headers(request, [(name, value) for name, value in request.headers if name != missing]))


def test_a_header_that_is_there_twice_is_refused(sender: Sender) -> None:
    request = sender.sign(sender.told)
    for twice in sender.headers:
        for name, value in list(request.headers):
            if name == twice:
                with pytest.raises(Malformed):
                    read(sender, with_headers(request, [*request.headers, (name.lower(), value)]))


def test_an_unsigned_body_is_refused(sender: Sender) -> None:
    for body in (b"", b"{}", b"[]", b"null", b"a=1", sender.told):
        with pytest.raises(FeedbackRefused):
            read(sender, Request([], body, "https://notify.example/"))


@pytest.mark.parametrize("name", [name for name in SENDERS if name != "ses"])
def test_while_a_key_is_exchanged_both_hold(name: str) -> None:
    sender = SENDERS[name]
    both = sender.make(sender.wrong_secret or sender.wrong)
    for key in ((), (sender.wrong,)):
        assert parsed(both, sender.sign(sender.told, NOW_S, *key)).heard


def test_the_same_request_again_is_told_as_repeated(sender: Sender) -> None:
    seen, request = Seen(10 * MINUTE_MS), sender.sign(sender.told)
    reading = read(sender, request)
    assert seen.look("p", reading, NOW) == "new"
    assert seen.look("p", reading, NOW) == "new", "until it is durable"
    seen.put("p", reading, NOW)
    again = read(sender, request, NOW + 1)
    assert seen.look("p", again, NOW + 1) == "repeated"
    assert [heard.event_id for heard in again.heard] == [heard.event_id for heard in reading.heard]
    assert seen.look("another", again, NOW + 1) == "new"


@pytest.mark.parametrize("name", ["mailgun", "ses", "standard", "vonage", "slack", "vonage_sms"])
def test_a_seen_id_with_other_content_is_refused(name: str) -> None:
    """Of those who name what they sign. The others are known by what they signed, which has no other content."""
    sender, seen = SENDERS[name], Seen(10 * MINUTE_MS)
    seen.put("p", read(sender, sender.sign(sender.told)), NOW)
    with pytest.raises(Replayed):
        seen.look("p", read(sender, sender.sign(sender.other)), NOW)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123.pem",
        "https://evil.example/SimpleNotificationService-0123.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0123.pem",
        "https://evil.example#sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0123.pem",
        "https://sns.eu-west-1.amazonaws.com:443/SimpleNotificationService-0123.pem",
        "https://snsxeu-west-1.amazonaws.com/SimpleNotificationService-0123.pem",
        "https://sns.eu-west-1.amazonaws.com.cn/SimpleNotificationService-0123.pem",
        "https://s3.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem",
        "https://sns.eu-west-1.amazonaws.com/bucket/SimpleNotificationService-0123.pem",
        "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-0123.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem?x=1",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem#x",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem\n",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.txt",
        "https://sns.eu-west-1.amazonaws.com/?Action=GetCertificate.pem",
        "https://SNS.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem",
        "//sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem",
        "https://[::1]/SimpleNotificationService-0123.pem",
        "https://[",
    ],
)
def test_a_certificate_of_another_host_is_refused(url: str) -> None:
    sender = SENDERS["ses"]
    with pytest.raises(BadCertificate):
        read(sender, ses(sender.told, SigningCertURL=url))


@pytest.mark.parametrize("name", SENDERS)
@given(body=st.binary(max_size=300), values=st.lists(st.text(max_size=60), min_size=4, max_size=4), now=st.integers(0, 4_000_000_000_000))
def test_nothing_raises_but_a_refusal(name: str, body: bytes, values: list[str], now: int) -> None:
    sender = SENDERS[name]
    headers = list(zip([*sender.headers, "Content-Type"], values, strict=False))
    with pytest.raises(FeedbackRefused):
        parsed(sender.make(), Request(headers, body, f"https://notify.example/?ref={values[0]}"), now)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
ANYTHING = st.recursive(SCALARS, lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=12), some, max_size=4))
FIELDS = [
    "event",
    "eventType",
    "bounce",
    "mail",
    "tags",
    "ref",
    "type",
    "data",
    "status",
    "error",
    "delivery-status",
    "timestamp",
    "reason",
    "RecordType",
    "Metadata",
    "Type",
]


@pytest.mark.parametrize("name", ["mailgun", "postmark", "sendgrid", "ses", "slack", "standard", "twilio_json", "vonage"])
@given(said=st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), ANYTHING, max_size=8))
def test_whatever_is_rightly_signed_is_read_or_refused(name: str, said: dict[str, object]) -> None:
    sender = SENDERS[name]
    body = json.dumps([said] if name in ("sendgrid", "twilio_json") else said).encode()
    try:
        reading = parsed(sender.make(), sender.sign(body))
    except FeedbackRefused:
        return
    for heard in reading.heard:
        assert all(text.encode() is not None for text in (heard.kind, heard.ref, heard.address, heard.reason, heard.detail, heard.event_id))


def test_no_refusal_says_what_was_sent_or_a_secret(sender: Sender) -> None:
    request = sender.sign(sender.told, NOW_S, sender.wrong)
    with pytest.raises(FeedbackRefused) as caught:
        read(sender, request)
    said = str(caught.value)
    assert not [value for _, value in request.headers if value in said]
    assert re.fullmatch("the signature is not of this (message|request) by (that certificate|a secret of ours|a key of ours)", said)


def test_keys_of_several_are_not_mixed_up() -> None:
    parser = ours(Slack, "one", name="slack")("two")
    for key in ("one", "two"):
        assert parsed(parser, slack(SENDERS["slack"].told, key=key)).heard
    for key in ("one two", "onetwo", " ", "three"):
        with pytest.raises(BadSignature):
            parsed(parser, slack(SENDERS["slack"].told, key=key))


def test_a_certificate_file_of_anything_is_refused() -> None:
    sender = SENDERS["ses"]
    chain = certificates.leaf() + certificates.pem(certificates.authority()).encode()
    for found in (b"x", b"", chain, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\xff" * 20_000):
        parser = sender.make()
        with pytest.raises(BadCertificate):
            parser.parse(sender.sign(sender.told), NOW, found)  # type: ignore[call-arg]
