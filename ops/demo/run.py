"""The demo from beginning to end."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from ops.cli.chain import Answer, explain
from ops.cli.context import codec
from ops.cli.evidence import detective
from ops.cli.logtail import consumer
from ops.demo.borrowed import borrowed
from ops.demo.day import Day, behaving
from ops.demo.options import Options
from ops.demo.people import profile, user_id
from ops.demo.picture import draw
from ops.demo.play import Played, await_known
from ops.demo.report import Story
from ops.demo.seeding import await_folded, seed
from ops.demo.stages import Stages
from ops.demo.sums import Facts, checks
from ops.demo.telling import analysed, busiest, inbox_of
from ops.demo.upstream.connector import NAME, outbox_connector
from ops.demo.upstream.shop import Shop
from ops.endpoints import Endpoints
from ops.fleet.provision import registry
from ops.fleet.settings import FleetSettings, worker_settings
from ops.local.connectors import put_connector
from schemas.clock import now_ms
from streams.intake.loader import load_triggers

SHOP_HOURS = 24


def run(options: Options, console: Console) -> Story:
    """Set up what is missing, play, count, and clean up. Raises StackError, CliError and what the parts raise."""
    stages = Stages(console)
    with borrowed(stages, options.keep) as (endpoints, settings):
        devices = _customers(endpoints, options, stages)
        with _shop(endpoints, stages) as shop:
            story = _day(shop, settings, options, devices, stages)
    story.took_s, story.stages = stages.elapsed_s, stages.took
    return story


def _customers(endpoints: Endpoints, options: Options, stages: Stages) -> dict[str, int]:
    """Make them known; returns how many devices each has."""
    partitions = worker_settings().partitions
    with stages.stage(f"{options.people:,} customers") as said, codec(endpoints) as wire:
        seed(endpoints.kafka, wire, options.people, partitions, now_ms(), lambda count: said(f"{count:,} written"))
        await_folded(endpoints.kafka, lambda left: said(f"{left} records to fold"))
        await_known(endpoints, options.people, partitions)
    return {user_id(number): len(profile(number, 0).devices or []) for number in range(options.people)}


@contextmanager
def _shop(endpoints: Endpoints, stages: Stages) -> Iterator[Shop]:
    """The upstream shop, with a connector that reads its outbox."""
    with registry(endpoints) as schemas:
        shop = Shop(endpoints.postgres, schemas)
        try:
            with stages.stage("Debezium's outbox connector"):
                shop.prune(SHOP_HOURS)
                put_connector(NAME, outbox_connector(endpoints.postgres), connect=endpoints.connect)
            yield shop
        finally:
            shop.close()


def _day(shop: Shop, settings: FleetSettings, options: Options, devices: dict[str, int], stages: Stages) -> Story:
    endpoints = settings.endpoints
    with ExitStack() as stack:
        wire, log = stack.enter_context(codec(endpoints)), stack.enter_context(consumer(endpoints.kafka))
        day = Day(shop, log, wire, stack.enter_context(behaving(settings.sandbox_url)), settings, options)
        with stages.timed("a day in the shop"):
            played = day.watch(stages.console)
        with stages.stage("everything counted again, in every place"):
            facts = day.facts(devices)
        with stages.stage("the picture"):
            picture = Path(endpoints.home) / "demo" / "report.png"
            draw(day.pictured(), picture)
        with stages.stage("the report"):
            return _story(day, facts, played, endpoints, picture, options.keep)


def _story(day: Day, facts: Facts, played: Played, endpoints: Endpoints, picture: Path, keep: bool) -> Story:
    analysis, user = analysed(endpoints, day.start_ms), busiest(day.heard.statuses, day.sale)
    away = day.player.restarted
    return Story(
        facts=facts,
        checks=list(checks(facts, load_triggers())),
        undone=day.player.undone,
        inbox_user=user,
        inbox=inbox_of(user, endpoints),
        why=_why(user, day.sale, endpoints),
        rates=analysis.rates,
        latency=analysis.latency,
        restarted_connector_s=away[1] - away[0] if away else 0.0,
        restarted_members=played.restarted,
        complete=played.complete,
        took_s=0.0,
        stages={},
        picture=picture,
        logs=Path(endpoints.home) / "logs",
        keeps_running=keep,
    )


def _why(user: str, notification_id: str, endpoints: Endpoints) -> Answer:
    with detective(endpoints, worker_settings().partitions) as it:
        return explain(it.gather(user, notification_id))
