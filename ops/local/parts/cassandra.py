"""Cassandra 5.0, one node."""

from ops.local import probes
from ops.local.parts.base import YIELDING, Part, classpath, java_command, write
from ops.local.ports import HOST
from ops.local.processes import Command
from ops.local.settings import Settings

# what Cassandra's own start script opens to it on Java 17
EXPORTS = (
    "java.base/jdk.internal.misc", "java.base/java.lang.ref", "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry", "java.rmi/sun.rmi.server", "java.sql/java.sql", "jdk.unsupported/sun.misc",
    "jdk.attach/sun.tools.attach",
)  # fmt: skip
OPENS = (
    "java.base/java.io", "java.base/java.lang", "java.base/java.lang.module", "java.base/java.lang.reflect", "java.base/java.util",
    "java.base/jdk.internal.loader", "java.base/jdk.internal.math", "java.base/jdk.internal.module", "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect", "java.base/jdk.internal.util.jar", "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
)  # fmt: skip
# no JMX option is given: without one Cassandra opens no JMX port at all
OPTIONS = (
    "-Xms512m", "-Xmx1g", "-Xss512k", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=300", "-XX:+ParallelRefProcEnabled",
    "-Djdk.attach.allowAttachSelf=true", "-Dio.netty.tryReflectionSetAccessible=true", "-Djava.security.manager=allow",
    "-Dcassandra-foreground=yes", "-Dcassandra.ring_delay_ms=1", "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.shutdown_announce_in_ms=0",
)  # fmt: skip


class Cassandra(Part):
    name = "cassandra"
    port_names = ("cassandra", "cassandra_storage")

    def prepare(self, settings: Settings) -> None:
        folder = settings.home.config(self.name)
        write(folder / "cassandra.yaml", cassandra_yaml(settings))
        write(folder / "logback.xml", LOGBACK)

    def command(self, settings: Settings) -> Command:
        folder = settings.home.config(self.name)
        agent = next((settings.home.jars / self.name).glob("jamm-*.jar"))
        options = [
            *OPTIONS, *(f"--add-exports={name}=ALL-UNNAMED" for name in EXPORTS), *(f"--add-opens={name}=ALL-UNNAMED" for name in OPENS),
            f"-javaagent:{agent}", f"-Dcassandra.config={(folder / 'cassandra.yaml').as_uri()}",
            f"-Dcassandra.storagedir={settings.home.data / self.name}", f"-Dcassandra.logdir={settings.home.logs}",
            f"-Dlogback.configurationFile={folder / 'logback.xml'}", "-cp", classpath(settings, self.name),
        ]  # fmt: skip
        return java_command(self.name, settings, options, ["org.apache.cassandra.service.CassandraDaemon"], before=YIELDING)

    def probe(self, settings: Settings) -> None:
        probes.cassandra(settings.ports["cassandra"])


def cassandra_yaml(settings: Settings) -> str:
    data = settings.home.data / Cassandra.name
    return YAML.format(data=data, host=HOST, storage=settings.ports["cassandra_storage"], native=settings.ports["cassandra"])


YAML = """\
cluster_name: carillon
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
listen_address: {host}
rpc_address: {host}
storage_port: {storage}
native_transport_port: {native}
start_native_transport: true
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "{host}:{storage}"
data_file_directories: ["{data}/data"]
commitlog_directory: "{data}/commitlog"
saved_caches_directory: "{data}/saved_caches"
hints_directory: "{data}/hints"
cdc_raw_directory: "{data}/cdc_raw"
commitlog_sync: periodic
commitlog_sync_period: 10s
commitlog_segment_size: 32MiB
commitlog_total_space: 512MiB
disk_failure_policy: stop
auto_snapshot: false
hinted_handoff_enabled: false
memtable_heap_space: 192MiB
memtable_offheap_space: 192MiB
file_cache_size: 64MiB
concurrent_compactors: 1
compaction_throughput: 64MiB/s
concurrent_reads: 16
concurrent_writes: 32
read_request_timeout: 10s
range_request_timeout: 20s
write_request_timeout: 10s
truncate_request_timeout: 60s
request_timeout: 20s
unlogged_batch_across_partitions_warn_threshold: 1000
batch_size_warn_threshold: 512KiB
batch_size_fail_threshold: 4096KiB
"""

LOGBACK = """\
<configuration>
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date{ISO8601} %-5level %logger{20} - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="STDOUT"/></root>
</configuration>
"""
