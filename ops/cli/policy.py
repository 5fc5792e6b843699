"""`carillon policy`: what may be sent to whom, checked, published to the running workers and taken back, and shown."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.context import codec
from ops.cli.control import By
from ops.cli.errors import BadRequest
from ops.cli.output import AsJson, console, write_json
from ops.cli.producing import LogProducer
from ops.cli.published import latest
from ops.endpoints import Endpoints
from schemas.clock import now_ms
from schemas.records import PolicyPublished
from schemas.topics import POLICY
from streams.policy.in_force import PARTITION
from streams.policy.loader import SHIPPED, PolicyInvalid, load_policy, read_policy
from streams.policy.policy import Policy

app = typer.Typer(no_args_is_help=True, help="What may be sent to whom: check a file, publish it, take it back, show what is in force.")

PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="YAML, as streams/policy/default.yaml.")]
KEY = b"policy"


@app.command()
def check(file: PolicyFile) -> None:
    """Say what is wrong with a file, each mistake with its place (exit code 1)."""
    console().print(f"{file}: a policy, version {_read(file).version}", markup=False)


@app.command()
def publish(file: PolicyFile, by: By = "", as_json: AsJson = False) -> None:
    """Put a policy in force for all workers that run and all that will be started, instead of the file they have."""
    policy, endpoints = _read(file), Endpoints.load()
    with codec(endpoints) as wire:
        place = LogProducer(endpoints.kafka).send(
            POLICY, KEY, wire.encode(PolicyPublished(text=file.read_text(), by=by, at=now_ms())), partition=PARTITION
        )
    if as_json:
        write_json({"version": policy.version, "place": place})
    else:
        console().print(f"policy {policy.version} is in force", markup=False)


@app.command()
def withdraw(as_json: AsJson = False) -> None:
    """Take back what was published: in force is the policy of the file that each worker was started with."""
    place = LogProducer(Endpoints.load().kafka).send(POLICY, KEY, None, partition=PARTITION)
    if as_json:
        write_json({"place": place})
    else:
        console().print("no policy is published: the workers' files are in force")


@app.command()
def show(as_json: AsJson = False) -> None:
    """The policy that was published last, as its text; without any, the one that is shipped."""
    endpoints = Endpoints.load()
    with codec(endpoints) as wire:
        last = latest(endpoints, wire)
    text = last.text if last else SHIPPED.read_text()
    version = read_policy(text.encode(), POLICY).version
    if as_json:
        write_json({"version": version, "published": last})
        return
    origin = f"published by {last.by or 'somebody'}" if last else "as it is shipped; workers may have been started with another file"
    console().print(f"# version {version}, {origin}\n{text}", markup=False, highlight=False, end="")


def _read(file: Path) -> Policy:
    try:
        return load_policy(file)
    except PolicyInvalid as error:
        raise BadRequest(str(error)) from error
