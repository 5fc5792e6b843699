"""Ten thousand changed copies of a signed request, for each way in which providers sign: none is believed to say anything else.

A copy that is accepted must say what the original says, in another spelling that the provider signs alike: `%2b` for `%2B` in a form,
white space in SNS' envelope, a field that is not signed. Where the raw body is signed no copy is accepted at all. Mailgun does not sign its
event: its copies come after the original, as they must (its token is known by then), and are refused by `Seen`. Postmark signs nothing: of
its requests only the password is changed.
"""

import json
import random
import re
from collections.abc import Callable, Iterator
from itertools import chain
from urllib.parse import parse_qsl, quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from providers.feedback.base import Reading, Request
from providers.feedback.errors import FeedbackRefused
from providers.feedback.seen import Seen
from tests.emulators import certificates
from tests.emulators.webhooks import NOW, SENDERS, parsed

MUTATIONS = 10_000
BYTE_FOR_BYTE = {"mailgun", "postmark", "sendgrid", "slack", "standard", "twilio_json", "vonage"}
"""What these sign has one spelling; the others sign values, however they are written."""

Change = Callable[[random.Random, bytes], bytes]


def flip(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]


def insert(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + bytes([dice.choice(data + bytes(range(256)))]) + data[at:]


def delete(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + data[at + dice.choice((1, 1, 2, 8)) :]


def swap(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data) - 1)
    return data[:at] + data[at + 1 : at + 2] + data[at : at + 1] + data[at + 2 :]


def turn_case(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + data[at : at + 1].swapcase() + data[at + 1 :]


def double(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + data[at : at + dice.randrange(1, 40)] + data[at:]


def move(dice: random.Random, data: bytes) -> bytes:
    """Cut a piece and put it somewhere else: what separates two values may come to stand elsewhere."""
    start = dice.randrange(len(data))
    piece = data[start : start + dice.randrange(1, 12)]
    rest = data[:start] + data[start + len(piece) :]
    at = dice.randrange(len(rest) + 1)
    return rest[:at] + piece + rest[at:]


def digit(dice: random.Random, data: bytes) -> bytes:
    digits = [at for at, byte in enumerate(data) if 48 <= byte <= 57]
    if not digits:
        return flip(dice, data)
    at = dice.choice(digits)
    return data[:at] + str(dice.randrange(10)).encode() + data[at + 1 :]


def cut(dice: random.Random, data: bytes) -> bytes:
    return data[: dice.randrange(len(data))]


CHANGES: list[Change] = [flip, flip, insert, delete, swap, turn_case, double, move, digit, cut]


def mutated(dice: random.Random, request: Request) -> Request:
    """The request with its body, a header or its URL changed somewhere."""
    change, what = dice.choice(CHANGES), dice.random()
    headers = list(request.headers)
    if what < 0.5 and request.body:
        return Request(headers, change(dice, request.body), request.url)
    if what < 0.6:
        return Request(headers, request.body, change(dice, request.url.encode()).decode("utf-8", "surrogateescape"))
    at = dice.randrange(len(headers))
    name, value = headers[at]
    if what < 0.95:
        headers[at] = (name, change(dice, value.encode()).decode("utf-8", "surrogateescape"))
    else:
        headers[at] = (change(dice, name.encode()).decode("utf-8", "surrogateescape"), value)
    return Request(headers, request.body, request.url)


def said(reading: Reading) -> object:
    """What a reading comes to: all but the bytes."""
    return tuple(replace(heard, raw=b"") for heard in reading.heard), reading.answer


def changed_copies(name: str) -> Iterator[tuple[Request, Request]]:
    """The original and a copy that is not the same."""
    sender, dice = SENDERS[name], random.Random(f"feedback of {name}")
    originals = [sender.sign(sender.told), sender.sign(sender.other)]
    for number in range(MUTATIONS):
        original = originals[number % 2]
        while (copy := mutated(dice, original)) == original or unseen(name, original) == unseen(name, copy):
            pass
        yield original, copy


def unseen(name: str, request: Request) -> object:
    """The request as the parser can know it: the URL is Twilio's alone, and Content-Type nobody's."""
    headers = [(key.lower(), value) for key, value in request.headers if key.lower() != "content-type"]
    wanted = [each for each in headers if each[0] in {needed.lower() for needed in SENDERS[name].headers}]
    return wanted, request.body if SENDERS[name].signs else b"", request.url if name.startswith("twilio") else ""


@pytest.mark.parametrize("name", SENDERS)
def test_no_changed_copy_says_anything_else(name: str, record_property: Callable[[str, object], None]) -> None:
    sender = SENDERS[name]
    parser, seen = sender.make(), Seen(NOW)
    meant: dict[int, object] = {}
    spellings, believed = 0, []
    for original, copy in changed_copies(name):
        if id(original) not in meant:
            reading = parsed(parser, original)
            meant[id(original)] = said(reading)
            seen.put(name, reading, NOW)
        try:
            reading = parsed(parser, copy)
            if not sender.whole:
                seen.look(name, reading, NOW)
        except FeedbackRefused:
            continue
        spellings += 1
        if said(reading) != meant[id(original)]:
            believed.append(copy)
    record_property("mutations", MUTATIONS)
    record_property("other spellings", spellings)
    assert (len(believed), believed[:3]) == (0, []), f"of {MUTATIONS} changed copies of {name}"
    if name in BYTE_FOR_BYTE:
        assert spellings == 0


def boundaries(request: Request) -> Iterator[Request]:
    """A form whose names and values are cut otherwise, with the same characters in the same order: all that Twilio signs."""
    pairs = [pair.split("=") for pair in request.body.decode().split("&")]
    plain = [[re.sub("%..", lambda found: chr(int(found[0][1:], 16)), text.replace("+", " ")) for text in pair] for pair in pairs]
    plain.sort()
    text = "".join(name + value for name, value in plain)
    starts = [0]
    for name, value in plain:
        starts.append(starts[-1] + len(name) + len(value))
    names = [start + len(name) for start, (name, _) in zip(starts, plain, strict=False)]
    for number in range(len(plain)):  # one parameter more, or one less
        without = [*starts[:number], *starts[number + 1 :]]
        yield _form(request, text, without, [*names[:number], *names[number + 1 :]])
        for at in range(starts[number] + 1, starts[number + 1]):
            for end in {at + 1, at + 4, starts[number + 1]}:
                yield _form(request, text, sorted([*starts, at]), sorted([*names, min(end, starts[number + 1])]))
        for moved in range(1, 12):  # the name longer or shorter
            for shift in (moved, -moved):
                yield _form(request, text, starts, [*names[:number], names[number] + shift, *names[number + 1 :]])
    for more in range(1, len(request.url) - 40):  # the URL shorter, or longer
        head, tail = request.url[:-more], request.url[-more:]
        for middle in (1, 2, len(tail)):
            later = [0, *(start + more for start in starts)]
            yield _form(Request(request.headers, b"", head), tail + text, later, [middle, *(name + more for name in names)])
    for more in range(1, len(text)):
        kept = [start for start in starts if start >= more]
        longer = Request(request.headers, b"", request.url + text[:more])
        yield _form(longer, text, kept, [at for at in names if at > more])


def cuts(dice: random.Random, request: Request) -> Iterator[Request]:
    """The same characters with many cuts elsewhere at once: where a name could begin, and some characters after it."""
    plain = sorted(parse_qsl(request.body.decode(), keep_blank_values=True))
    text = "".join(name + value for name, value in plain)
    begins = [found.start() for found in re.finditer("[A-Z]", text)]
    true = [sum(len(name + value) for name, value in plain[:number]) for number in range(len(plain))]
    for _ in range(MUTATIONS):
        starts = sorted({0, *(at for at in true if dice.random() < 0.85), *dice.sample(begins, dice.randrange(4))})
        lengths = {at: len(name) for at, (name, _) in zip(true, plain, strict=True)}
        names = [at + (lengths[at] if at in lengths and dice.random() < 0.9 else dice.randrange(1, 16)) for at in starts]
        yield _form(request, text, starts, names)


def _form(request: Request, text: str, starts: list[int], names: list[int]) -> Request:
    ends = sorted({*starts, len(text)})
    pairs = []
    for start, end in zip(ends, ends[1:], strict=False):
        middle = next((name for name in names if start <= name <= end), end)
        pairs.append(f"{quote(text[start:middle], safe='')}={quote(text[middle:end], safe='')}")
    return Request(request.headers, "&".join(pairs).encode(), request.url)


@pytest.mark.parametrize("inbound", [False, True])
def test_where_twilios_values_end_can_not_be_moved(inbound: bool) -> None:
    form = json.loads(SENDERS["twilio"].told)
    if inbound:
        form = {name: form[name] for name in ("AccountSid", "ApiVersion", "From", "MessageSid", "To")}
        form |= {"Body": "Stop Calling Me Dear friend", "NumMedia": "0", "NumSegments": "1", "FromCity": "TORRANCE", "ToCity": "To"}
    request = SENDERS["twilio"].sign(json.dumps(form).encode())
    parser = SENDERS["twilio"].make()
    meant, tried = said(parsed(parser, request)), 0
    for copy in chain(boundaries(request), cuts(random.Random("cuts"), request)):
        tried += 1
        try:
            reading = parsed(parser, copy)
        except FeedbackRefused:
            continue
        assert said(reading) == meant, copy
    assert tried > 10_000


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_changed_certificate_is_not_believed() -> None:
    sender, dice = SENDERS["ses"], random.Random("certificate")
    request, good = sender.sign(sender.told), certificates.leaf()
    parser = sender.make()
    for _ in range(500):
        copy = dice.choice(CHANGES)(dice, good)
        try:
            parsed(parser, request, NOW, copy)
        except FeedbackRefused:
            continue
        assert copy.split() == good.split() or _der(copy) == _der(good), copy


def _der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
