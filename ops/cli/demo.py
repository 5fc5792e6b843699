"""`carillon demo`: the newcomer's command."""

from typing import Annotated

import msgspec
import typer

from ops.cli.output import AsJson, console, progress_console, write_json
from ops.demo.options import Options

DEFAULTS = Options()

People = Annotated[int, typer.Option("--users", min=100, help="How many customers the shop has; the flash sale goes to all of them.")]
Seconds = Annotated[float, typer.Option("--seconds", min=5, help="How long the shop is busy.")]
Rate = Annotated[int, typer.Option("--rate", min=1, help="Orders, likes and logins a second.")]
Keep = Annotated[bool, typer.Option("--keep", help="Leave what was started running.")]


def demo(
    users: People = DEFAULTS.people,
    seconds: Seconds = DEFAULTS.seconds,
    rate: Rate = DEFAULTS.per_second,
    keep: Keep = False,
    as_json: AsJson = False,
) -> None:
    """A shop with a real outbox, a flash sale to 100,000 customers, and sums that must match; the exit code says whether they did."""
    from ops.demo.report import told  # with matplotlib: half a second to import, for this command only
    from ops.demo.run import run

    progress = progress_console() if as_json else console()
    story = run(Options(people=users, seconds=seconds, per_second=rate, keep=keep), progress)
    if as_json:
        write_json(
            {
                "matched": story.matched,
                "checks": story.checks,
                "took_s": story.took_s,
                "stages": story.stages,
                "sale": story.facts.sale,
                "picture": str(story.picture),
                "rates": story.rates,
                "latency": story.latency,
                "why": msgspec.to_builtins(story.why),
            }
        )
    else:
        console().print(told(story))
    if not story.matched:
        raise typer.Exit(1)
