"""What the demo shows while the shop plays."""

from collections.abc import Mapping

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table

from ops.cli.tally import Counts, Tally
from ops.demo.heard import Heard
from ops.demo.player import Player
from ops.demo.stores import Stores
from ops.demo.sums import statuses

SHOWN = ("sent", "suppressed", "failed", "expired", "unknown")
COLOURS = {"sent": "green", "suppressed": "yellow", "failed": "red", "expired": "red", "unknown": "magenta"}


def view(player: Player, heard: Heard, stores: Stores, sale: str, said: str) -> Group:
    """Everything so far, in a few lines."""
    grid = Table.grid(padding=(0, 2))
    grid.add_row("[bold]shop[/bold]", _shop(player))
    grid.add_row("[bold]log[/bold]", f"{len(heard.requested):,} requested · {len(heard.planned):,} planned · {_outcomes(heard):,} outcomes")
    grid.add_row("[bold]flash sale[/bold]", _sale(heard.tallies.get(sale)))
    grid.add_row(
        "[bold]stores[/bold]", " · ".join(f"{name} {points[-1].recipients:,}" for name, points in stores.written.items() if points)
    )
    grid.add_row("", f"[dim]{said}[/dim]")
    return Group(grid)


def line(player: Player, heard: Heard) -> str:
    """The same in one line, for logs."""
    events = f"{len(player.event_ids):,} committed, {len(player.rolled_back):,} rolled back"
    return f"{events}; {len(heard.requested):,} requested; {_outcomes(heard):,} outcomes"


def coloured(counts: Mapping[str, int]) -> str:
    """Counts by status in a line."""
    return " · ".join(f"[{COLOURS[name]}]{name} {counts[name]:,}[/{COLOURS[name]}]" for name in SHOWN if counts.get(name))


def by_status(counts: Counts) -> dict[str, int]:
    """Recipients by status, over all channels."""
    total: dict[str, int] = {}
    for of_channel in counts.values():
        for name, number in statuses(of_channel).items():
            total[name] = total.get(name, 0) + number
    return total


def _shop(player: Player) -> str:
    kinds = " · ".join(f"{kind}s {number:,}" for kind, number in sorted(player.committed.items()))
    return f"{kinds} · [dim]rolled back {len(player.rolled_back):,}[/dim]"


def _sale(tally: Tally | None) -> Table | str:
    if tally is None:
        return "[dim]not yet[/dim]"
    grid = Table.grid(padding=(0, 1))
    done, total = sum(by_status(tally.counts).values()), max(1, sum(tally.expected.values()))
    grid.add_row(ProgressBar(total=total, completed=done, width=24), f"{tally.users:,} users · {coloured(by_status(tally.counts))}")
    return grid


def _outcomes(heard: Heard) -> int:
    return sum(point.recipients for point in list(heard.finished))
