"""Kafka 4.1, one node that is broker and KRaft controller."""

import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from ops.local import probes
from ops.local.errors import PartFailed
from ops.local.parts.base import Part, classpath, java_command, properties, write
from ops.local.ports import HOST
from ops.local.processes import Command, environment
from ops.local.settings import Settings

LOGGING = [
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
]


class Kafka(Part):
    name = "kafka"
    port_names = ("kafka", "kafka_controller")

    def prepare(self, settings: Settings) -> None:
        """Write server.properties; format the log folder once."""
        config = write(settings.home.config(self.name) / "server.properties", server_properties(settings))
        data = settings.home.data / self.name
        if not (data / "meta.properties").exists():
            self._format(settings, config)

    def command(self, settings: Settings) -> Command:
        options = ["-Xms256m", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", *LOGGING, "-cp", classpath(settings, self.name)]
        return java_command(self.name, settings, options, ["kafka.Kafka", str(settings.home.config(self.name) / "server.properties")])

    def probe(self, settings: Settings) -> None:
        probes.kafka(settings.ports["kafka"])

    def _format(self, settings: Settings, config: Path) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        main = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", str(config), "--ignore-formatted"]
        options = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", classpath(settings, self.name)]
        command = java_command(self.name, settings, options, main, archive=False)
        result = subprocess.run(
            command.argv, capture_output=True, text=True, timeout=60, check=False, cwd=command.cwd, env=environment({}),
        )  # fmt: skip
        if result.returncode:
            reason = f"formatting {settings.home.data / self.name} failed with {result.returncode}"
            raise PartFailed(self.name, reason, settings.home.log(self.name), result.stderr.splitlines()[-15:])


def server_properties(settings: Settings) -> str:
    """Small, one replica of everything, quick consumer groups, nothing created by accident."""
    broker, controller = (f"{HOST}:{settings.ports[name]}" for name in Kafka.port_names)
    return properties(
        {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{broker}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": settings.home.data / Kafka.name,
            "auto.create.topics.enable": "false",
            "delete.topic.enable": "true",
            "default.replication.factor": 1,
            "min.insync.replicas": 1,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "group.max.session.timeout.ms": 1_800_000,
            "log.segment.bytes": 128 * 1024 * 1024,
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
            "log.cleaner.threads": 1,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "num.recovery.threads.per.data.dir": 2,
        }
    )
