"""One run: set all timers, wait until all have fired, read what was written."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
from confluent_kafka import KafkaError, Message, Producer

from bench.campaign.counts import until
from bench.campaign.log import Log
from bench.campaign.machine import MEGABYTE, pids
from bench.campaign.urgent import Urgent, quantile
from bench.timers.found import Found
from ops.cli.logtail import Position
from ops.endpoints import Endpoints
from ops.fleet import fleet
from schemas.clients import producer_config
from schemas.delivery_report import not_written
from schemas.records import FeedbacksReceived, Output, SetTimer
from schemas.topics import FEEDBACK, PROFILE_EVENTS, TIMERS

MEMBER, GROUP = "timers-1", "carillon.timers"
PATIENCE_S = 600.0
URGENT_RATE, URGENT_USERS, ARRIVE_S = 10.0, 1000, 60.0


class Run:
    """One run. What is urgent goes to the first of the benchmark's people, who are made when they are not there yet."""

    def __init__(self, endpoints: Endpoints, log: Log, sandbox_url: str, found: Found) -> None:
        self._found, self._log, self._codec = found, log, log.codec
        self._nothing = log.codec.encode(FeedbacksReceived([]))
        self._sandbox_url = sandbox_url
        self._producer = Producer(dict(producer_config(endpoints.kafka)))
        self._name = f"bench-{time.time_ns()}"
        self._end = 0
        self._people_there = any((Path(endpoints.home) / "bench").glob("loaded-*"))

    def run(self, kills: int = 0) -> Found:
        """What was found."""
        found = self._found
        if not self._people_there:
            self._log.load(URGENT_USERS, (URGENT_USERS,), time.time_ns() // 1_000_000, lambda written: None)
            until(lambda: not self._log.groups.lag("carillon.profiles", [PROFILE_EVENTS]), "people are there", PATIENCE_S)
        before = self._log.groups.ends([FEEDBACK])
        base = time.time_ns() // 1_000_000 + round(1000 * found.lead_s)
        self._set(base)
        cpu = self._cpu_s()
        urgent = self._window(base, kills)
        self._await(lambda: self._settled(sum(before.values()) + found.timers), "fired")
        found.fired_cpu_us = 0.0 if kills else round((self._cpu_s() - cpu) / found.timers * 1e6, 1)
        found.fill(self._fired_since(before))
        found.load = [round(one, 1) for one in psutil.getloadavg()]
        until(lambda: len(urgent.latencies_ms(self._sandbox_url)) >= len(urgent.sent_ns), "urgent ones have arrived", ARRIVE_S)
        latencies = urgent.latencies_ms(self._sandbox_url)
        found.urgent, found.urgent_p50_ms, found.urgent_p99_ms = len(latencies), quantile(latencies, 0.5), quantile(latencies, 0.99)
        return found

    def _set(self, base: int) -> None:
        """All timers, in no order of time; returns when the worker has had them."""
        found, dice, began, cpu = self._found, random.Random(1), time.monotonic(), self._cpu_s()
        for number in range(found.timers):
            due = base + dice.randrange(round(found.window_s * 1000))
            self._produce(number, due)
        self._producer.flush(PATIENCE_S)
        self._await(lambda: not self._log.groups.lag(GROUP, [TIMERS]), "set")
        found.set_s = round(time.monotonic() - began, 1)
        found.set_a_second = round(found.timers / found.set_s)
        found.set_cpu_us = round((self._cpu_s() - cpu) / found.timers * 1e6, 1)
        found.set_before_the_window = time.time() * 1000 < base

    def _window(self, base: int, kills: int) -> Urgent:
        """While they fire: what is urgent, and kills one after another."""
        stop = threading.Event()
        urgent = Urgent(self._log, URGENT_USERS, URGENT_RATE, 100_000, time.time_ns())
        sending = threading.Thread(target=urgent.run, args=(stop,))
        until(lambda: time.time() * 1000 >= base, "the window begins", self._found.lead_s + 1)
        sending.start()
        try:
            for number in range(kills):
                due = base / 1000 + number * self._found.window_s / kills
                until(lambda due=due: time.time() >= due, "the next kill", self._found.window_s)  # type: ignore[misc]
                fleet.kill(MEMBER)
                fleet.ensure_running()
                self._found.kills += 1
            until(lambda: time.time() >= base / 1000 + self._found.window_s, "the window ends", self._found.window_s + 1)
        finally:
            stop.set()
            sending.join()
        return urgent

    def _produce(self, number: int, due: int) -> None:
        partition = number % self._log.partitions
        write = Output(topic=FEEDBACK, partition=partition, key=f"{due}/{number}".encode(), value=self._nothing)
        value = self._codec.encode(SetTimer(f"{self._name}-{number}", due, "bench", write))
        while True:
            try:
                self._producer.produce(TIMERS, key=f"{number}", value=value, partition=partition, on_delivery=_written)
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)

    def _await(self, reached: Callable[[], bool], what: str) -> None:
        """Wait, and see how large the worker gets meanwhile. Raises TimeoutError."""
        found = self._found

        def looked() -> bool:
            found.rss_mb = max(found.rss_mb, self._worker.memory_info().rss // MEGABYTE)
            return reached()

        until(looked, f"all are {what}", found.lead_s + found.window_s + PATIENCE_S, every_s=0.5)

    @property
    def _worker(self) -> psutil.Process:
        return psutil.Process(pids()[MEMBER])

    def _cpu_s(self) -> float:
        return sum(self._worker.cpu_times()[:2])

    def _settled(self, least: int) -> bool:
        """Whether so much is written and, since the last look, no more: what was written again must not stand for what is not there."""
        before, self._end = self._end, sum(self._log.groups.ends([FEEDBACK]).values())
        return least <= self._end == before

    def _fired_since(self, since: Mapping[Position, int]) -> Iterator[tuple[int, int, int]]:
        """All that was written from these offsets to the end there is now: number, due, written at (epoch ms)."""
        for message in self._log.written_since(since, FEEDBACK):
            due, _, number = (message.key() or b"").decode().partition("/")
            yield int(number), int(due), message.timestamp()[1]


def _written(error: KafkaError | None, message: Message) -> None:
    if refusal := not_written(error, message):
        raise RuntimeError(f"a timer can't be written: {refusal}")
