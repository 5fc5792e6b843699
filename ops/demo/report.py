"""What happened, for people: tables, the sums, one inbox, one chain of decisions, and where to look next."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table

from ops.cli import why
from ops.cli.chain import Answer
from ops.cli.output import table
from ops.cli.progress import outcome_table
from ops.cli.tally import Tally
from ops.demo.live import coloured
from ops.demo.sums import Check, Facts, expected_ids, statuses, totals
from streams.intake.loader import load_triggers

KINDS = {"order": "order.placed", "ship": "order.shipped", "like": "item.liked", "code": "login.code_requested", "sale": "sale.started"}


class Story(msgspec.Struct, kw_only=True):
    """Everything that is told at the end. Rows are as ClickHouse gave them."""

    facts: Facts
    checks: list[Check]
    undone: Counter[str]
    inbox_user: str
    inbox: list[dict[str, str]]
    why: Answer
    rates: list[dict[str, object]]
    latency: list[dict[str, object]]
    restarted_connector_s: float
    restarted_members: list[str]
    complete: bool
    took_s: float
    stages: dict[str, float]
    picture: Path
    logs: Path
    keeps_running: bool

    @property
    def matched(self) -> bool:
        """Whether everything came to an end and every sum matches."""
        return self.complete and all(check.holds for check in self.checks)


def told(story: Story) -> Group:
    """All of it."""
    return Group(*_parts(story))


def _parts(story: Story) -> Iterator[RenderableType]:
    facts = story.facts
    expected = expected_ids(facts.outbox, load_triggers())
    mine = {notification: facts.tallies[notification] for notification in expected if notification in facts.tallies}
    yield "\n[bold]What happened in the shop, and what became of it[/bold]"
    yield _events(story, expected, mine)
    yield ""
    yield outcome_table("By channel (recipients)", totals(mine.values()))
    yield ""
    yield f"[bold]{story.inbox_user}'s inbox[/bold]"
    yield table("", ("when (UTC)", "title", "message"), [(one["when"], one["title"], one["body"]) for one in story.inbox])
    yield "\n[bold]Why?[/bold]"
    yield why.rendered(story.why)
    yield "\n[bold]ClickHouse[/bold]"
    yield rows_table("", story.rates)
    yield ""
    yield rows_table("From commit and acceptance to hand-over, ms", story.latency)
    yield "\n[bold]The sums[/bold]"
    yield _sums(story.checks)
    yield ""
    yield _ending(story)


def _events(story: Story, expected: Mapping[str, str], mine: Mapping[str, Tally]) -> Table:
    rows = []
    for name, kind in KINDS.items():
        notifications = [notification for notification, of in expected.items() if of == kind]
        outcomes = Counter[str]()
        for counts in totals(mine[it] for it in notifications if it in mine).values():
            outcomes.update(statuses(counts))
        committed = sum(of == kind for of in story.facts.outbox.values())
        rows.append((kind, committed, story.undone[name], len(notifications), coloured(outcomes)))
    columns = ("event", "committed", "rolled back", "notifications", "what became of their recipients")
    return table("", columns, rows, right=("committed", "rolled back", "notifications"))


def _sums(checks: Sequence[Check]) -> Table:
    rows = []
    for check in checks:
        sign = "=" if check.holds else "≠"
        mark = "[green]✓[/green]" if check.holds else "[red]✗[/red]"
        rows.append((mark, check.what, f"{check.left:,}", sign, f"{check.right:,}", f"[dim]{check.how}[/dim]"))
    made = table("", ("", "what", "", "", "", "counted by"), rows)
    made.columns[2].justify = made.columns[4].justify = "right"
    return made


def rows_table(title: str, rows: Sequence[Mapping[str, object]]) -> Table | str:
    """Rows of a query as a table."""
    if not rows:
        return f"{title}: nothing"
    columns = list(rows[0])
    numbers = [name for name in columns if isinstance(rows[0][name], int | float)]
    body = [[_figure(name, value) for name, value in row.items()] for row in rows]
    return table(title, columns, body, right=numbers)


def _figure(column: str, value: object) -> object:
    if not isinstance(value, float):
        return value
    return f"{value:.2%}" if column.endswith("_rate") else f"{value:,.0f}"


def _ending(story: Story) -> str:
    verdict = "[bold green]Every sum matches.[/bold green]" if story.matched else "[bold red]Some sums do not match.[/bold red]"
    open_end = "" if story.complete else " Time was up before everything had come to an end."
    restarts = f" Restarted on the way: {', '.join(story.restarted_members)}." if story.restarted_members else ""
    sale, user = story.facts.sale, story.why.user_id
    running = "It is all still running:" if story.keeps_running else "To look around yourself, start it again with `carillon up`, then:"
    away = f"The connector was away for {story.restarted_connector_s:.1f} s in the middle."
    return (
        f"{verdict} {story.took_s:.0f} s in all. {away}{open_end}{restarts}\n\n"
        f"Picture  {story.picture}\n"
        f"Logs     {story.logs}\n\n"
        f"{running}\n"
        f"  carillon status {sale}\n"
        f"  carillon why {user} {sale}\n"
        f"  carillon inbox {story.inbox_user}\n"
        "  carillon stats · carillon dlq list · carillon ps"
    )
