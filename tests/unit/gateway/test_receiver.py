"""The gateway over HTTP, with every provider that calls, and a log and a fetcher that a test holds in its hand."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import Door
from gateway.config import Limits
from gateway.errors import Unfetchable, Unwritable
from gateway.metrics import Metrics
from gateway.receiver import Receiver
from gateway.serving import AS_IT_CAME
from providers.feedback.base import AnyParser, Request
from schemas.codec import Codec
from schemas.contract import schema_json
from schemas.errors import RegistryUnavailable
from schemas.records import FeedbackReceived, FeedbacksReceived, Output
from schemas.registry import MemoryRegistry
from tests.emulators import certificates
from tests.emulators.webhooks import CERTIFICATE_URL, NOW, NOW_S, REF, SENDERS, TOPIC, URL, Sender, slack, sns

PARTITIONS = 8


class Log:
    """Takes everything, unless a test says otherwise."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.fails: Exception | None = None
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.asked = asyncio.Semaphore(0)

    async def send(self, outputs: Sequence[Output]) -> None:
        self.asked.release()
        await self.goes_on.wait()
        if self.fails:
            raise self.fails
        self.outputs += outputs


class Fetcher:
    """Has what a test gives it."""

    def __init__(self) -> None:
        self.has: dict[str, bytes] = {CERTIFICATE_URL: certificates.leaf()}
        self.asked: list[str] = []

    async def get(self, url: str) -> bytes:
        self.asked.append(url)
        await asyncio.sleep(0)
        if url not in self.has:
            raise Unfetchable("HTTP 404")
        return self.has[url]


class Gateway:
    """One gateway, and what is around it."""

    def __init__(self, client: TestClient[Any, Any], log: Log, fetcher: Fetcher, metrics: Metrics, codec: Codec) -> None:
        self.client, self.log, self.fetcher, self.metrics, self._codec = client, log, fetcher, metrics, codec
        self.now = NOW

    async def post(self, request: Request, name: str = "") -> ClientResponse:
        path = request.url.removeprefix("https://notify.example")
        path = f"/v1/feedback/{name}" + ("?" + path.partition("?")[2] if "?" in path else "") if name else path
        return await self.client.post(path, data=request.body, headers=list(request.headers))

    def records(self) -> list[FeedbackReceived]:
        return [event for output in self.log.outputs for event in self.events(output)]

    def events(self, output: Output) -> list[FeedbackReceived]:
        return self._codec.decode(output.value, FeedbacksReceived).events

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"carillon_feedback_{name}_total", labels) or 0.0


def codec() -> Codec:
    registry = MemoryRegistry()
    registry.register("f", schema_json("FeedbacksReceived"))
    return Codec(registry, {FeedbacksReceived: "f"})


PARSERS: dict[str, AnyParser] = {name: sender.make() for name, sender in SENDERS.items()}
Start = Callable[..., Any]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    clients: list[TestClient[Any, Any]] = []

    async def made(limits: Limits = Limits(), encode: Callable[[FeedbacksReceived], bytes] | None = None, **parsers: AnyParser) -> Gateway:  # noqa: B008
        log, fetcher, metrics, wire = Log(), Fetcher(), Metrics(), codec()
        receiver = Receiver(
            PARSERS | parsers, log, encode or wire.encode, fetcher, lambda: gateway.now, partitions=PARTITIONS, metrics=metrics
        )
        server = TestServer(Door(receiver, limits, metrics, "https://notify.example").app())
        await server.start_server(**AS_IT_CAME)
        client = TestClient(server)
        clients.append(client)
        gateway = Gateway(client, log, fetcher, metrics, wire)
        return gateway

    yield made
    for client in clients:
        await client.close()


@pytest.fixture
async def gateway(start: Start) -> Gateway:
    made: Gateway = await start()
    return made


@pytest.fixture(params=SENDERS)
def named(request: pytest.FixtureRequest) -> tuple[str, Sender]:
    return request.param, SENDERS[request.param]


async def problem(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    assert (response.status, response.content_type) == (status, "application/problem+json")
    body: dict[str, Any] = await response.json(content_type=None)
    assert (body["status"], body["type"]) == (status, f"urn:carillon:problem:{code}")
    assert body["title"]
    assert body["detail"]
    return body


async def test_what_every_provider_tells_is_on_the_log_when_it_is_answered(gateway: Gateway, named: tuple[str, Sender]) -> None:
    name, sender = named
    request = sender.sign(sender.told)
    served = "twilio" if name.startswith("twilio") else name
    response = await gateway.post(request, served)
    assert (response.status, await response.read()) == (200, b"")
    assert gateway.records()
    for output in gateway.log.outputs:
        for record in gateway.events(output):
            assert (output.topic, record.received_at, record.channel) == ("notify.feedback", NOW, PARSERS[served].channel)
            assert record.event_id
            if record.ref:
                assert (record.ref, output.partition, output.key) == (REF, 3, REF.encode())
    kinds = {record.kind if not record.kind.startswith("other:") else "other" for record in gateway.records()}
    assert sum(gateway.counted("heard", provider=served, kind=kind) for kind in kinds) == len(gateway.records())


async def test_what_is_told_again_is_answered_and_not_written_again(gateway: Gateway, named: tuple[str, Sender]) -> None:
    name, sender = named
    request, served = sender.sign(sender.told), "twilio" if name.startswith("twilio") else name
    for _ in range(3):
        assert (await gateway.post(request, served)).status == 200
    assert len(gateway.records()) == len({record.event_id for record in gateway.records()})
    assert gateway.counted("repeated", provider=served) == 2


async def test_what_is_not_signed_by_a_key_of_ours_is_refused(gateway: Gateway, named: tuple[str, Sender]) -> None:
    name, sender = named
    served = "twilio" if name.startswith("twilio") else name
    answer = await gateway.post(sender.sign(sender.told, NOW_S, sender.wrong), served)
    body = await problem(answer, 403 if sender.signs else 401, "bad_signature")
    assert "signature" in body["detail"]
    assert sender.signs or answer.headers["WWW-Authenticate"]
    assert gateway.log.outputs == []
    assert gateway.counted("refused", provider=served, code="bad_signature") == 1


async def test_refusals_are_problem_documents(gateway: Gateway) -> None:
    told = SENDERS["slack"].told
    await problem(await gateway.post(slack(told, NOW_S - 301)), 403, "too_old")
    await problem(await gateway.post(Request([], told, URL + "slack")), 403, "not_signed")
    await problem(await gateway.post(slack(b"x")), 400, "malformed")
    standard = SENDERS["standard"]
    assert (await gateway.post(standard.sign(standard.told))).status == 200
    await problem(await gateway.post(standard.sign(standard.other)), 409, "replayed")
    await problem(await gateway.post(Request([], SENDERS["postmark"].told, URL + "postmark")), 401, "not_signed")
    unsigned = await gateway.post(Request([], b"{}", URL + "vonage"))
    await problem(unsigned, 503, "not_signed")
    assert unsigned.headers["Retry-After"]


async def test_a_header_that_is_there_twice_is_malformed(gateway: Gateway) -> None:
    request = slack(SENDERS["slack"].told)
    twice = Request([*request.headers, ("X-Slack-Signature", "v0=0")], request.body, request.url)
    await problem(await gateway.post(twice), 400, "malformed")


async def test_a_request_that_failed_is_taken_when_it_comes_again(gateway: Gateway) -> None:
    gateway.log.fails = Unwritable("no broker")
    request = SENDERS["sendgrid"].sign(SENDERS["sendgrid"].told)
    response = await gateway.post(request)
    await problem(response, 503, "not_now")
    assert "broker" not in await response.text()
    gateway.log.fails = None
    assert (await gateway.post(request)).status == 200
    assert len(gateway.records()) == 2
    assert gateway.counted("turned_away", why="Unwritable") == 1


async def test_without_a_registry_nothing_is_taken(start: Start) -> None:
    def encode(record: FeedbacksReceived) -> bytes:
        raise RegistryUnavailable("away")

    gateway = await start(encode=encode)
    await problem(await gateway.post(slack(SENDERS["slack"].told)), 503, "not_now")


async def test_a_log_that_does_not_answer_is_not_waited_for(start: Start) -> None:
    gateway = await start(Limits(answer_s=0.05))
    gateway.log.goes_on.clear()
    await problem(await gateway.post(slack(SENDERS["slack"].told)), 503, "not_now")
    gateway.log.goes_on.set()
    assert (await gateway.post(slack(SENDERS["slack"].told))).status == 200
    assert gateway.counted("turned_away", why="slow") == 1


async def test_no_more_than_so_many_at_once(start: Start) -> None:
    gateway = await start(Limits(in_flight=2))
    gateway.log.goes_on.clear()
    bodies = [json.dumps({"type": "event_callback", "event_id": str(number)}).encode() for number in range(3)]
    waiting = [asyncio.create_task(gateway.post(slack(body))) for body in bodies[:2]]
    for _ in waiting:
        await gateway.log.asked.acquire()
    await problem(await gateway.post(slack(bodies[2])), 503, "busy")
    gateway.log.goes_on.set()
    assert [(await one).status for one in waiting] == [200, 200]
    assert (await gateway.post(slack(bodies[2]))).status == 200
    assert gateway.counted("turned_away", why="busy") == 1


async def test_a_body_is_bounded(start: Start) -> None:
    gateway = await start(Limits(body_bytes=1024))
    await problem(await gateway.post(slack(b"a=" + b"1" * 2000)), 413, "request_entity_too_large")
    assert (await gateway.post(slack(b"a=" + b"1" * 1000))).status == 200


async def test_a_body_that_does_not_come_is_not_waited_for(start: Start) -> None:
    gateway = await start(Limits(read_s=0.05))
    host, port = gateway.client.host, gateway.client.port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"POST /v1/feedback/slack HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    assert b" 408 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_a_packed_body_is_taken_as_it_came(start: Start) -> None:
    """What is signed is what came; nothing is unpacked, so nothing can grow."""
    gateway = await start()
    request = slack(gzip.compress(SENDERS["slack"].told))
    packed = Request([*request.headers, ("Content-Encoding", "gzip")], request.body, request.url)
    assert (await gateway.post(packed)).status in (400, 403)


async def test_other_roads_lead_nowhere(gateway: Gateway) -> None:
    await problem(await gateway.post(Request([], b"", URL + "nobody")), 404, "no_such_provider")
    await problem(await gateway.client.post("/v1/other"), 404, "not_found")
    response = await gateway.client.get("/v1/feedback/slack")
    await problem(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "POST"


async def test_slack_is_told_its_challenge(gateway: Gateway) -> None:
    response = await gateway.post(slack(b'{"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWM"}'))
    assert (response.status, response.content_type) == (200, "text/plain")
    assert await response.text() == "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWM"
    assert gateway.log.outputs == []


async def test_a_certificate_is_fetched_once(gateway: Gateway) -> None:
    ses = SENDERS["ses"].sign
    requests = [ses(SENDERS["ses"].told, MessageId=f"m-{number}") for number in range(5)]
    assert [one.status for one in await asyncio.gather(*map(gateway.post, requests))] == [200] * 5
    assert (await gateway.post(ses(SENDERS["ses"].told, MessageId="m-9"))).status == 200
    assert gateway.fetcher.asked == [CERTIFICATE_URL]


async def test_a_certificate_that_can_not_be_had_now_may_be_had_later(gateway: Gateway) -> None:
    request = SENDERS["ses"].sign(SENDERS["ses"].told)
    gateway.fetcher.has.clear()
    await problem(await gateway.post(request), 503, "not_now")
    gateway.fetcher.has[CERTIFICATE_URL] = b"<html>maintenance</html>"
    await problem(await gateway.post(request), 403, "bad_certificate")
    gateway.fetcher.has[CERTIFICATE_URL] = certificates.leaf()
    assert (await gateway.post(request)).status == 200
    assert len(gateway.fetcher.asked) == 3


async def test_nobody_makes_us_fetch_what_is_not_sns_or_too_often(gateway: Gateway) -> None:
    ses, told = SENDERS["ses"].sign, SENDERS["ses"].told
    elsewhere = ses(told, SigningCertURL="https://evil.example/SimpleNotificationService-1.pem")
    await problem(await gateway.post(elsewhere), 403, "bad_certificate")
    await problem(await gateway.post(ses(told, TopicArn=TOPIC + "x")), 403, "unknown_sender")
    assert gateway.fetcher.asked == []
    for number in range(40):
        url = f"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{number}.pem"
        await problem(await gateway.post(ses(told, SigningCertURL=url)), 503, "not_now")
    assert len(gateway.fetcher.asked) == 20
    gateway.now += 60_000
    assert (await gateway.post(ses(told, NOW_S + 60))).status == 200


def confirmation(url: str) -> Request:
    told = {"Type": "SubscriptionConfirmation", "MessageId": "165545c9", "Token": "2336412f37", "TopicArn": TOPIC, "Message": "You"}
    told |= {"SubscribeURL": url, "Timestamp": datetime.fromtimestamp(NOW_S, UTC).isoformat(), "SignatureVersion": "2"}
    return sns(told | {"SigningCertURL": CERTIFICATE_URL})


async def test_a_subscription_is_confirmed(gateway: Gateway) -> None:
    url = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"
    await problem(await gateway.post(confirmation(url)), 503, "not_now")
    gateway.fetcher.has[url] = b"<ConfirmSubscriptionResponse/>"
    assert (await gateway.post(confirmation(url))).status == 200
    assert gateway.fetcher.asked == [CERTIFICATE_URL, url, url]
    await problem(await gateway.post(confirmation("https://evil.example/")), 403, "unknown_sender")
    assert gateway.log.outputs == []


async def test_of_one_id_at_the_same_time_one_content_is_taken(gateway: Gateway) -> None:
    sender = SENDERS["mailgun"]
    gateway.log.goes_on.clear()
    first = asyncio.create_task(gateway.post(sender.sign(sender.told)))
    await gateway.log.asked.acquire()
    await problem(await gateway.post(sender.sign(sender.other)), 409, "replayed")
    gateway.log.goes_on.set()
    assert (await first).status == 200
    assert [record.kind for record in gateway.records()] == ["bounced"]


async def test_inside_it_says_how_it_is() -> None:
    metrics = Metrics()
    receiver = Receiver({}, Log(), lambda record: b"", Fetcher(), lambda: NOW, partitions=8, metrics=metrics)
    metrics.hear("ses", "other:x")
    client = TestClient(TestServer(Door(receiver, Limits(), metrics, "https://notify.example").inside()))
    await client.start_server()
    assert (await client.get("/healthz")).status == 200
    assert 'carillon_feedback_heard_total{kind="other",provider="ses"} 1.0' in await (await client.get("/metrics")).text()
    await client.close()
