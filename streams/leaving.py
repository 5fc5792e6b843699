"""How a worker ends. It is a static member of its group: its partitions wait for it until its session (30 s) ends, which is what a restart
wants. On LEAVE it stops as on SIGTERM, and then takes its name out of the group (KIP-345), and the others have its partitions at once.

Killed before it has: its session ends as after any kill, and the partitions go to others then.
"""

import asyncio
import logging
import signal

import faust
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import KafkaError, NoError, for_code
from faust.transport.drivers.aiokafka import server_list

from streams.leave_group import LeaveGroup
from streams.settings import LEAVE

REJOIN_S, LEAVE_S = 2.0, 10.0
"""How long a stop waits for a rebalance that is under way; how long it may take to leave."""
KAFKA_PORT = 9092

logger = logging.getLogger(__name__)


class Worker(faust.Worker):  # type: ignore[misc]
    """Ends on SIGTERM and SIGINT as one that is restarted, on LEAVE as one that is not."""

    _leaves = False

    def install_signal_handlers(self) -> None:
        """Faust's, and LEAVE in the place of its debugger."""
        super().install_signal_handlers()
        self.loop.add_signal_handler(LEAVE, self._leave)

    def _leave(self) -> None:
        self._leaves = True
        self._schedule_shutdown(LEAVE)

    def _schedule_shutdown(self, number: signal.Signals) -> None:
        close_in_order(self.app)
        super()._schedule_shutdown(number)

    async def _stop_on_signal(self, number: signal.Signals) -> None:
        await super()._stop_on_signal(number)
        if self._leaves:
            conf = self.app.conf
            await leave(server_list(self.app.transport.url, KAFKA_PORT), conf.id, conf.consumer_group_instance_id)


def close_in_order(app: faust.App) -> None:
    """Let what is done be committed, and the client be closed on its own loop, also in a rebalance.

    When one begins during a stop Faust would close the client at once and from another thread: commits fail, a join that is under way goes
    on, and the process may never end.
    """
    thread = app.consumer._thread
    client = thread._consumer
    if client is None:
        return
    stop = client.stop

    async def stop_in_time() -> None:
        stopping = asyncio.ensure_future(stop())
        await asyncio.wait([stopping], timeout=REJOIN_S)
        if not stopping.done():  # it waits for the others' part in a rebalance
            await client._client.close()
        await stopping

    thread.close, client.stop = (lambda: None), stop_in_time


async def leave(servers: list[str], group: str, instance: str) -> None:
    """Take a static member out of its group, by its name alone: its member id may have changed in a last rebalance.

    A successor of the same name that is there already would have to join again, which it does by itself.
    """
    client = AIOKafkaClient(bootstrap_servers=servers)
    try:
        async with asyncio.timeout(LEAVE_S):
            await client.bootstrap()
            node = await client.coordinator_lookup(CoordinationType.GROUP, group)
            answer = await client.send(node, LeaveGroup(group, instance), group=ConnectionGroup.COORDINATION)
        errors = {for_code(code) for code in (answer.error_code, *(one[-1] for one in answer.members))} - {NoError}
        logger.info("left %s for good%s", group, f": {errors}" if errors else "")
    except (KafkaError, TimeoutError) as error:
        logger.warning("could not leave %s, its partitions wait until the session ends: %r", group, error)
    finally:
        await client.close()
