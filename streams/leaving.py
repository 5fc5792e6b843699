"""How a worker leaves for good. It is a static member of its group: its partitions wait for it, when it stops, until its session (30 s)
ends, which is what a restart wants. On LEAVE it stops as on SIGTERM, and tells the broker that it will not be back (KIP-345).

Killed before it has told: its session ends as after any kill, and the partitions go to others then.
"""

import logging

import faust

from streams.settings import LEAVE

logger = logging.getLogger(__name__)


class Worker(faust.Worker):  # type: ignore[misc]
    """Ends on SIGTERM and SIGINT as one that is restarted, on LEAVE as one that is not."""

    def install_signal_handlers(self) -> None:
        """Faust's, and LEAVE in the place of its debugger."""
        super().install_signal_handlers()
        self.loop.add_signal_handler(LEAVE, self._leave)

    def _leave(self) -> None:
        logger.info("leaving the group for good")
        self.app.on_before_shutdown.connect(be_dynamic)
        self._schedule_shutdown(LEAVE)


async def be_dynamic(app: faust.App, **kwargs: object) -> None:
    """Batches have ended, the consumer has not. aiokafka sends LeaveGroup when it closes, unless it has an instance id.

    The broker looks the member up by its member id, so a successor that has the same name already is left alone.
    """
    client = app.consumer._thread._consumer
    if client is not None:
        client._coordinator._group_instance_id = None
