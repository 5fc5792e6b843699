"""A process that is suspended while its records wait to be sent: nobody fences them, so they must not be sent when it wakes."""

import signal
import subprocess
import sys
import threading

from ops.endpoints import Endpoints
from ops.local.paths import REPOSITORY
from streams.step.reader import LogReader
from tests.integration.conftest import NewTopicFixture

WITHIN_S = 2.0
CHILD = """
import asyncio, sys
from schemas.clients import producer_config
from schemas.records import Output
from streams.step.log import LogWriter, WriteFailedError

async def main(kafka, topic, within_s):
    writer = LogWriter({**producer_config(kafka, within_s), "linger.ms": 1000})
    await writer.send([Output(topic=topic, partition=0, key=b"first")])
    late = asyncio.ensure_future(writer.send([Output(topic=topic, partition=0, key=b"late")]))
    await asyncio.sleep(0)
    print("queued", flush=True)
    try:
        await late
        print("written")
    except WriteFailedError:
        print("never written")

asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
"""


def test_what_waits_in_a_suspended_process_is_never_written(stack: Endpoints, topic_prefix: str, new_topic: NewTopicFixture) -> None:
    topic = new_topic("t")
    command = [sys.executable, "-c", CHILD, stack.kafka, topic, str(WITHIN_S)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "queued\n"
        child.send_signal(signal.SIGSTOP)
        threading.Event().wait(WITHIN_S + 1)  # for how long it is suspended is what is tested
        child.send_signal(signal.SIGCONT)
        assert child.stdout.read() == "never written\n"
        assert child.wait(30) == 0
    reader = LogReader(stack.kafka, topic_prefix)
    try:
        assert reader.read_to_end(topic, 0, 0, lambda messages, _: None) == 1
    finally:
        reader.close()
