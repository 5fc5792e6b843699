"""Progress of one notification, live for people."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ops.cli.output import progress_console, table
from ops.cli.tally import Counts, Tally, by_status

GONE_WRONG = ("failed", "unknown", "expired")


@contextmanager
def bar(title: str) -> Iterator[Callable[[Tally], None]]:
    """A bar on stderr for the time of the block; call what is given with the tally as it grows."""
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=progress_console()) as progress:
        task = progress.add_task(title, total=None, said="waiting for the first chunk")

        def show(tally: Tally) -> None:
            done = sum(by_status(tally.counts).values())
            total = sum(tally.expected.values()) if tally.expansion_complete else None
            progress.update(task, completed=done, total=total, said=line(tally))

        yield show


def line(tally: Tally) -> str:
    """One line: expanded, then each status that has occurred."""
    statuses = by_status(tally.counts)
    said = [f"expanded {tally.users:,}", f"sent {statuses.pop('sent', 0):,}", f"suppressed {statuses.pop('suppressed', 0):,}"]
    said += [f"held {tally.held:,}"] if tally.held else []
    said += [f"{status} {number:,}" for status, number in sorted(statuses.items())]
    return " · ".join(said)


def outcome_table(title: str, counts: Counts) -> Table:
    """A line per channel and outcome, most first."""
    rows = [
        (channel, *name.partition(":")[::2], number)
        for channel, of_channel in sorted(counts.items())
        for name, number in sorted(of_channel.items(), key=lambda item: -item[1])
    ]
    return table(title, ("channel", "status", "reason", "recipients"), rows, right=("recipients",))


def summary(notification_id: str, tally: Tally) -> Group:
    """What has become of a notification that is complete."""
    return Group(f"notification [bold]{notification_id}[/bold]: {tally.users:,} users", outcome_table("", tally.counts))
