"""The schema registry: Apicurio 2.6, Confluent-compatible.

By default it keeps schemas in memory, so that ids would change at a restart and old records become unreadable; here they
are in an H2 file. H2 would also hold writes back for half a second, and a kill in that time would give an id away twice: it
may not.
"""

from ops.local import probes
from ops.local.parts.base import Part, java_command
from ops.local.ports import HOST
from ops.local.processes import Command
from ops.local.settings import Settings


class Registry(Part):
    name = "registry"
    port_names = ("registry",)

    def prepare(self, settings: Settings) -> None:
        (settings.home.data / self.name).mkdir(parents=True, exist_ok=True)

    def command(self, settings: Settings) -> Command:
        runner = next((settings.home.jars / self.name).glob("*-runner.jar"))
        database = f"jdbc:h2:file:{settings.home.data / self.name / 'schemas'};WRITE_DELAY=0"
        options = [
            "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            f"-Dquarkus.http.host={HOST}", f"-Dquarkus.http.port={settings.ports['registry']}",
            f"-Dquarkus.datasource.jdbc.url={database}", "-Dquarkus.banner.enabled=false",
        ]  # fmt: skip
        return java_command(self.name, settings, options, ["-jar", str(runner)])

    def probe(self, settings: Settings) -> None:
        """The list of subjects, which has to come from the database."""
        probes.http(f"http://{HOST}:{settings.ports['registry']}/apis/ccompat/v7/subjects")
