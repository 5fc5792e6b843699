"""`carillon gateway`: takes providers' webhooks, and fetches their events, in the foreground."""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from confluent_kafka import KafkaException

from gateway.errors import Unwritable
from ops.cli.context import codec
from ops.cli.logtail import consumer, read_all, watermarks
from ops.endpoints import Endpoints
from ops.fleet.settings import worker_settings
from providers.secret_files import Variables
from schemas.clients import producer_config
from schemas.records import Output
from schemas.topics import CHANGELOG_CURSORS

if TYPE_CHECKING:
    from streams.step.log import LogWriter

WRITTEN_WITHIN_S = 8.0
"""A record is on the log within so long, or the provider is told to come again: less than they wait for an answer."""

File = Annotated[Path, typer.Argument(metavar="FILE", help="Where it listens, and which providers call (gateway/config.py says how).")]


class KafkaLog:
    """The workers' writer, with the gateway's error."""

    def __init__(self, writer: "LogWriter") -> None:
        self._writer = writer

    async def send(self, outputs: Sequence[Output]) -> object:
        """Return when all are durable. Raises Unwritable."""
        from streams.step.log import WriteFailedError

        try:
            return await self._writer.send(outputs)
        except (WriteFailedError, KafkaException) as error:
            raise Unwritable(str(error)) from error


def cursors_on_the_log(endpoints: Endpoints) -> dict[str, str]:
    """Return where feeds stand, by name. Raises KafkaException, GaveUp."""
    from gateway.poller import cursors_of

    last: dict[bytes, bytes | None] = {}
    with consumer(endpoints.kafka) as reader:
        low, end = watermarks(reader, CHANGELOG_CURSORS)[0]
        place = (CHANGELOG_CURSORS, 0)
        read_all(reader, {place: low}, {place: end}, lambda message: last.update({message.key() or b"": message.value()}))
    return cursors_of(last)


def gateway(file: File) -> None:
    """Take providers' webhooks until SIGTERM or SIGINT, verify them, fetch the events of those that are polled, and write what they say to
    `notify.feedback`.

    The file's ${NAME}s are variables; NAME_FILE names a file that holds one.
    """
    from gateway.config import load_file
    from gateway.serving import serve
    from streams.step.log import LogWriter

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config, endpoints = load_file(file, Variables(os.environ)), Endpoints.load()
    with codec(endpoints) as wire:
        wire.warm()
        writer = LogWriter(producer_config(endpoints.kafka, WRITTEN_WITHIN_S))
        try:
            cursors = cursors_on_the_log(endpoints) if config.feeds else {}
            asyncio.run(serve(config, KafkaLog(writer), wire.encode, worker_settings().partitions, cursors=cursors))
        finally:
            writer.close()
