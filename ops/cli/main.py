"""The console script `carillon`."""

import sys

import typer

from ops.cli import audience, audit, campaign, demo, dlq, inbox, project, send, stats, status, system, topics, why, worker
from ops.cli.errors import EXPECTED, message
from ops.cli.output import progress_console

INTERRUPTED = 130

app = typer.Typer(
    name="carillon",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="One domain event in, a million people told once. Endpoints come from the running stack, or from CARILLON_... variables.",
)
app.command()(demo.demo)
app.command()(system.up)
app.command()(system.down)
app.command()(system.ps)
app.add_typer(topics.app, name="topics")
app.command()(worker.worker)
app.command()(project.project)
app.command()(send.send)
app.command()(campaign.campaign)
app.command()(audience.audience)
app.command()(status.status)
app.command()(why.why)
app.command()(inbox.inbox)
app.command()(stats.stats)
app.command()(audit.audit)
app.add_typer(dlq.app, name="dlq")


def main() -> None:
    """Run a command; an expected error is one line on stderr and exit code 1."""
    try:
        app()
    except BrokenPipeError:  # `carillon ... | head`
        sys.stderr.close()
        sys.exit(0)
    except EXPECTED as error:
        progress_console().print("[red]error:[/red]", end=" ")
        progress_console().print(message(error), markup=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
