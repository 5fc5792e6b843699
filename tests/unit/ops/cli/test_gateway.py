"""`carillon gateway`: what the log says is what the gateway understands, and a bad file is one line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from gateway.config import Limits
from gateway.errors import ConfigError, Unwritable
from ops.cli.errors import EXPECTED, message
from ops.cli.gateway import WRITTEN_WITHIN_S, KafkaLog, gateway
from schemas.records import Output
from streams.step.log import WriteFailedError


class Writer:
    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.sent = error, []  # type: ignore[var-annotated]

    async def send(self, outputs: Sequence[Output]) -> dict[Any, int]:
        if self.error:
            raise self.error
        self.sent += outputs
        return {}


OUTPUT = Output(topic="notify.feedback", partition=0, key=b"k", value=b"v")


async def test_what_is_written_is_written() -> None:
    writer: Any = Writer()
    await KafkaLog(writer).send([OUTPUT])
    assert writer.sent == [OUTPUT]


@pytest.mark.parametrize("error", [WriteFailedError("timed out"), KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))])
async def test_what_may_not_be_written_is_unwritable(error: Exception) -> None:
    writer: Any = Writer(error)
    with pytest.raises(Unwritable):
        await KafkaLog(writer).send([OUTPUT])


def test_a_record_is_given_up_before_the_answer_is() -> None:
    assert Limits().answer_s > WRITTEN_WITHIN_S


def test_a_bad_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        gateway(tmp_path / "nowhere.yaml")
    assert isinstance(caught.value, EXPECTED)
    assert "nowhere.yaml" in message(caught.value)
    assert "\n" not in message(caught.value)
