"""`carillon topics`: the catalogue, applied and checked."""

import typer

from ops.cli.output import AsJson, console, table, write_json
from ops.endpoints import Endpoints
from ops.fleet.provision import differences, provision
from ops.fleet.settings import worker_settings
from schemas.provision import Difference, subject
from schemas.topics import FOREVER, Topic

app = typer.Typer(no_args_is_help=True, help="The topic catalogue: create, check, list.")

HOUR_MS = 3_600_000


@app.command()
def apply(as_json: AsJson = False) -> None:
    """Create missing topics and register schemas; says where what exists differs (exit code 1)."""
    settings = worker_settings()
    done = provision(Endpoints.load(), settings.topics, settings.partitions)
    if as_json:
        write_json(done)
    else:
        console().print(f"created {len(done.created)} topics; {done.schemas} schemas are registered, compatibility BACKWARD")
        _show(done.differences)
    _fail_on(done.differences)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Say where the cluster differs from the catalogue (exit code 1)."""
    settings = worker_settings()
    found = differences(Endpoints.load(), settings.topics, settings.partitions)
    if as_json:
        write_json(found)
    elif found:
        _show(found)
    else:
        console().print("all topics are as the catalogue says")
    _fail_on(found)


@app.command("list")
def list_topics(as_json: AsJson = False) -> None:
    """Every topic with its key, partitions, retention, schema and owner."""
    settings = worker_settings()
    rows = [row_of(topic, settings.partitions) for topic in settings.topics]
    if as_json:
        write_json(rows)
    else:
        columns = ("topic", "partitions", "kept", "record", "key", "owner")
        console().print(table("", columns, [[row[name] for name in columns] for row in rows], right=("partitions",)))


def row_of(topic: Topic, partitions: int) -> dict[str, str | int]:
    """One line of the catalogue."""
    kept = "forever" if topic.retention_ms == FOREVER else f"{topic.retention_ms // HOUR_MS} h"
    return {
        "topic": topic.name,
        "key": topic.key,
        "partitions": topic.partitions or partitions,
        "kept": f"{kept}, compacted" if topic.compacted else kept,
        "record": ", ".join(kind.__name__ for kind in topic.records),
        "subject": ", ".join(subject(topic, kind) for kind in topic.records),
        "owner": topic.owner,
        "dlq": topic.dlq,
    }


def _show(found: list[Difference]) -> None:
    if found:
        console().print(table("Differences", ("topic", "what"), [(one.topic, one.what) for one in found]))


def _fail_on(found: list[Difference]) -> None:
    if found:
        raise typer.Exit(1)
