"""A feed that is fetched: killed at any effect nothing is lost, failures wait longer each time, and the cursor is on the log."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
from aiohttp import web

from gateway.config import Polling
from gateway.errors import Unfetchable, Unwritable
from gateway.metrics import Metrics
from gateway.pages import HttpPages
from gateway.poller import Poller, cursors_of
from providers.feedback.mailgun_events import MailgunEvents
from providers.feedback.polled import PageRefused
from providers.secret import Secret
from schemas.codec import Codec
from schemas.contract import schema_json
from schemas.records import FeedbackReceived, FeedbacksReceived, Output
from schemas.registry import MemoryRegistry
from schemas.topics import CHANGELOG_CURSORS, FEEDBACK
from tests.emulators.mailgun import DOMAIN, KEY
from tests.emulators.mailgun_events import MailgunEventsEmulator, event

NOW = 1_700_000_000_000
OLD_S = 1_699_990_000.0
PARTITIONS = 8


class Killed(BaseException):
    """The process is killed here."""


class Log:
    """Keeps what is written; `at`: the effects, by number, before or after which the process is killed."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.at: set[int] = set()
        self.effects = 0
        self.fails: Exception | None = None

    async def send(self, outputs: Sequence[Output]) -> None:
        if self.fails:
            raise self.fails
        for output in outputs:
            self._point()
            self.outputs.append(output)
        self._point()

    def _point(self) -> None:
        self.effects += 1
        if self.effects in self.at:
            raise Killed

    @property
    def cursor(self) -> str | None:
        last = {output.key: output.value for output in self.outputs if output.topic == CHANGELOG_CURSORS}
        return cursors_of(last).get("mailgun")

    def heard(self) -> list[FeedbackReceived]:
        """In the order of the log, with repetitions."""
        wire = codec()
        values = [output.value for output in self.outputs if output.topic == FEEDBACK]
        return [each for value in values if value is not None for each in wire.decode(value, FeedbacksReceived).events]


def codec() -> Codec:
    registry = MemoryRegistry()
    registry.register("f", schema_json("FeedbacksReceived"))
    return Codec(registry, {FeedbacksReceived: "f"})


@pytest.fixture
async def mailgun() -> AsyncIterator[MailgunEventsEmulator]:
    emulator = await MailgunEventsEmulator().start()
    yield emulator
    assert emulator.complaints == []
    await emulator.stop()


@pytest.fixture
async def pages() -> AsyncIterator[HttpPages]:
    made = HttpPages(timeout_s=5, limit=100_000)
    yield made
    await made.aclose()


class Pause:
    """Waits no time, and ends the poller after so many waits."""

    def __init__(self, most: int) -> None:
        self.waits: list[float] = []
        self._most = most

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == self._most:
            raise Killed


def poller(
    mailgun: MailgunEventsEmulator, pages: HttpPages, log: Log, metrics: Metrics | None = None, pause: Pause | None = None
) -> Poller:
    feed = MailgunEvents(Secret(KEY), DOMAIN, base_url=mailgun.base_url, limit=3)
    return Poller(
        feed, log, codec().encode, pages, lambda: NOW, Polling(), cursor=log.cursor, partitions=PARTITIONS,
        metrics=metrics or Metrics(), pause=pause or Pause(1),
    )  # fmt: skip


def ref(number: int) -> str:
    return f"email-normal-{number % PARTITIONS}-42-{number}-0"


async def to_the_end(one: Poller) -> None:
    async with asyncio.timeout(10):
        while await one.step():
            pass


async def test_all_that_happened_is_on_the_log_where_its_ref_says(mailgun: MailgunEventsEmulator, pages: HttpPages) -> None:
    log, metrics = Log(), Metrics()
    mailgun.events = [event(number, OLD_S + number, ref(number)) for number in range(8)] + [event(99, OLD_S, "")]
    await to_the_end(poller(mailgun, pages, log, metrics))
    assert sorted(each.ref for each in log.heard()) == sorted(map(ref, range(8)))
    assert {output.partition for output in log.outputs if output.topic == FEEDBACK} == set(range(8))
    assert metrics.registry.get_sample_value("carillon_feedback_foreign_total", {"feed": "mailgun"}) == 1
    assert metrics.registry.get_sample_value("carillon_feedback_fetched_timestamp_seconds", {"feed": "mailgun"}) == NOW / 1000
    assert mailgun.asked[0].startswith(f"/v3/{DOMAIN}/events?begin={NOW // 1000 - 86_400}&")


async def test_what_comes_later_is_fetched_later_and_nothing_twice(mailgun: MailgunEventsEmulator, pages: HttpPages) -> None:
    log = Log()
    one = poller(mailgun, pages, log)
    for number in range(7):
        mailgun.events.append(event(number, OLD_S + number, ref(number)))
        await to_the_end(one)
    await to_the_end(poller(mailgun, pages, log))
    assert [each.event_id for each in log.heard()] == [f"id-{number}/19675" for number in range(7)]


async def test_what_comes_late_into_a_page_that_is_young_is_not_missed(mailgun: MailgunEventsEmulator, pages: HttpPages) -> None:
    log, young_s = Log(), NOW / 1000 - 600
    mailgun.events = [event(2, young_s, ref(2))]
    one = poller(mailgun, pages, log)
    await to_the_end(one)
    assert log.heard() == []
    mailgun.events += [event(1, young_s - 60, ref(1))]
    later = MailgunEvents(Secret(KEY), DOMAIN, base_url=mailgun.base_url, settled_s=300)
    one._feed = later
    await to_the_end(one)
    assert sorted(each.ref for each in log.heard()) == [ref(1), ref(2)]


async def test_killed_at_any_effect_it_loses_nothing_and_repeats_are_known(mailgun: MailgunEventsEmulator, pages: HttpPages) -> None:
    mailgun.events = [event(number, OLD_S + number, ref(number)) for number in range(8)]
    calm = Log()
    await to_the_end(poller(mailgun, pages, calm))
    for at in range(1, calm.effects + 1):
        log = Log()
        log.at = {at, at + 3}
        for _ in range(3):
            try:
                await to_the_end(poller(mailgun, pages, log))
                break
            except Killed:
                continue
        ids = [each.event_id for each in log.heard()]
        assert sorted(set(ids)) == [f"id-{number}/19675" for number in range(8)], at
        assert len(ids) <= 8 + 2 * 3, "a page at most comes again"


async def test_urls_that_are_good_no_more_are_left_for_their_time(mailgun: MailgunEventsEmulator, pages: HttpPages) -> None:
    log = Log()
    one = poller(mailgun, pages, log)
    mailgun.events = [event(number, OLD_S + number, ref(number)) for number in range(5)]
    assert await one.step()
    mailgun.gone = True
    assert await one.step()
    assert log.cursor == str(int(OLD_S) + 2)
    mailgun.gone = False
    await to_the_end(one)
    assert {each.ref for each in log.heard()} == set(map(ref, range(5)))


async def test_failures_wait_longer_each_time_up_to_a_limit_and_it_goes_on(mailgun: MailgunEventsEmulator, pages: HttpPages) -> None:
    log, pause, metrics = Log(), Pause(14), Metrics()
    mailgun.events = [event(1, OLD_S, ref(1))]
    mailgun.answers = [web.Response(status=500) for _ in range(12)]
    with pytest.raises(Killed):
        await poller(mailgun, pages, log, metrics, pause).run()
    bounds = [min(600.0, 2.0**number) for number in range(12)]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(pause.waits, bounds, strict=False))
    assert pause.waits[12] == Polling().page_s
    assert 54 <= pause.waits[13] <= 66
    assert [each.ref for each in log.heard()] == [ref(1)]
    assert metrics.registry.get_sample_value("carillon_feedback_not_fetched_total", {"feed": "mailgun", "why": "PageRefused"}) == 12


async def test_it_waits_as_long_as_it_is_told_to(mailgun: MailgunEventsEmulator, pages: HttpPages) -> None:
    pause = Pause(2)
    mailgun.answers = [web.Response(status=429, headers={"retry-after": "77"}), web.Response(status=429, headers={"retry-after": "99999"})]
    with pytest.raises(Killed):
        await poller(mailgun, pages, Log(), pause=pause).run()
    assert 77 < pause.waits[0] < 78
    assert 600 < pause.waits[1] < 603, "an hour at most, whatever it says"


@pytest.mark.parametrize("error", [Unwritable("Kafka is away")])
async def test_what_can_not_be_written_is_fetched_again(mailgun: MailgunEventsEmulator, pages: HttpPages, error: Exception) -> None:
    log = Log()
    mailgun.events = [event(1, OLD_S, ref(1))]
    one = poller(mailgun, pages, log)
    log.fails = error
    with pytest.raises(Unwritable):
        await one.step()
    log.fails = None
    await to_the_end(one)
    assert [each.ref for each in log.heard()] == [ref(1)]


async def test_pages_are_bounded_and_followed_nowhere(mailgun: MailgunEventsEmulator) -> None:
    pages = HttpPages(timeout_s=5, limit=1000)
    request = httpx.Request("GET", f"{mailgun.base_url}/x")
    mailgun.answers = [web.Response(body=b"x" * 1000), web.Response(body=b"x" * 1001), web.Response(status=302, headers={"location": "/y"})]
    assert len((await pages.get(request)).content) == 1000
    with pytest.raises(Unfetchable, match="more than 1000"):
        await pages.get(request)
    assert (await pages.get(request)).status_code == 302
    await mailgun.stop()
    with pytest.raises(Unfetchable):
        await pages.get(request)
    await pages.aclose()


async def test_who_does_not_answer_is_left(mailgun: MailgunEventsEmulator) -> None:
    mailgun.next = "deaf"
    pages = HttpPages(timeout_s=0.2, limit=1000)
    with pytest.raises(Unfetchable, match="Timeout"):
        await pages.get(httpx.Request("GET", f"{mailgun.base_url}/v3/{DOMAIN}/events"))
    await pages.aclose()


async def test_a_wrong_key_is_said_and_asked_again(mailgun: MailgunEventsEmulator, pages: HttpPages) -> None:
    one = poller(mailgun, pages, Log())
    one._feed = MailgunEvents(Secret("old"), DOMAIN, base_url=mailgun.base_url)
    with pytest.raises(PageRefused, match="401"):
        await one.step()
