"""Kafka Connect with Debezium's Postgres connector and Apicurio's converters on the class path.

Distributed mode with one worker: connectors, their offsets and their status live in compacted topics and so survive a restart.
"""

from ops.local import probes
from ops.local.parts.base import Part, classpath, java_command, properties, write
from ops.local.parts.kafka import LOGGING
from ops.local.ports import HOST
from ops.local.processes import Command
from ops.local.settings import Settings

QUIET = ("org.apache.kafka.clients", "org.apache.kafka.connect.runtime.WorkerConfig", "org.apache.kafka.common.config", "org.reflections")


class Connect(Part):
    name = "connect"
    port_names = ("connect",)
    needs = ("kafka",)

    def prepare(self, settings: Settings) -> None:
        write(settings.home.config(self.name) / "worker.properties", worker_properties(settings))

    def command(self, settings: Settings) -> Command:
        quiet = [f"-Dorg.slf4j.simpleLogger.log.{name}=warn" for name in QUIET]
        options = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *LOGGING, *quiet]
        main = ["org.apache.kafka.connect.cli.ConnectDistributed", str(settings.home.config(self.name) / "worker.properties")]
        return java_command(self.name, settings, [*options, "-cp", classpath(settings, self.name)], main)

    def probe(self, settings: Settings) -> None:
        """The worker's own health answer: 200 only when it has joined its group and the herder responds."""
        probes.http(f"http://{HOST}:{settings.ports['connect']}/health")


def worker_properties(settings: Settings) -> str:
    """One worker, one replica, quick to start and to commit offsets."""
    return properties(
        {
            "bootstrap.servers": f"{HOST}:{settings.ports['kafka']}",
            "group.id": "carillon-connect",
            "listeners": f"http://{HOST}:{settings.ports['connect']}",
            "rest.advertised.host.name": HOST,
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
            "config.storage.topic": "connect.configs",
            "config.storage.replication.factor": 1,
            "offset.storage.topic": "connect.offsets",
            "offset.storage.replication.factor": 1,
            "offset.storage.partitions": 1,
            "status.storage.topic": "connect.status",
            "status.storage.replication.factor": 1,
            "status.storage.partitions": 1,
            "offset.flush.interval.ms": 1000,
            "scheduled.rebalance.max.delay.ms": 0,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 2000,
            # everything is on the class path; scanning it would take seconds
            "plugin.discovery": "service_load",
            "connector.client.config.override.policy": "All",
        }
    )
