"""The picture of a run: who was reached, how the wave went through the stages, and what it did to urgent messages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import matplotlib as mpl

mpl.use("Agg")

from matplotlib.axes import Axes  # noqa: E402 - the backend must be chosen first
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import FuncFormatter  # noqa: E402

from ops.demo.series import Pictured, quantile  # noqa: E402

INK, MUTED, GRID, PAPER = "#1f2933", "#66727f", "#e4e7eb", "#ffffff"
COLOURS = {
    "sent": "#2f855a",
    "suppressed:category_muted": "#dd9b2f",
    "suppressed:channel_disabled": "#e7b65c",
    "suppressed:no_address": "#f0d196",
    "failed": "#c53030",
    "expired": "#805ad5",
    "unknown": "#6b46c1",
}
OTHER = "#a0aec0"
STAGE_COLOURS = ("#2b6cb0", "#2f855a", "#b7791f", "#9b2c2c")
SALE, RESTART, URGENT, NORMAL = "#ebf4ff", "#fdecea", "#c53030", "#4a90d9"
SIZE, DPI = (13.0, 8.6), 150
LABEL_SHARE = 0.045


def draw(data: Pictured, path: Path) -> None:
    """Write the PNG."""
    with mpl.rc_context({"font.family": "DejaVu Sans", "font.size": 10, "text.color": INK, "axes.labelcolor": INK}):
        figure = Figure(figsize=SIZE, dpi=DPI, facecolor=PAPER)
        grid = figure.add_gridspec(
            2,
            2,
            height_ratios=(1.0, 1.25),
            width_ratios=(1.15, 1.0),
            hspace=0.42,
            wspace=0.16,
            left=0.07,
            right=0.97,
            top=0.87,
            bottom=0.07,
        )
        figure.text(0.07, 0.955, data.title, fontsize=17, fontweight="bold", va="center")
        _funnel(figure.add_subplot(grid[0, 0]), data)
        _latency(figure.add_subplot(grid[0, 1]), data)
        stages = grid[1, :].subgridspec(len(data.stages), 1, hspace=0.12)
        axes = [figure.add_subplot(stages[index, 0]) for index in range(len(data.stages))]
        _stages(axes, data)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)


def _funnel(axes: Axes, data: Pictured) -> None:
    channels = list(reversed(data.funnel))
    total = max((sum(counts.values()) for counts in data.funnel.values()), default=1)
    shown: dict[str, str] = {}
    for row, channel in enumerate(channels):
        left = 0
        for name, number in sorted(data.funnel[channel].items(), key=lambda item: _order(item[0])):
            colour = COLOURS.get(name, COLOURS.get(name.partition(":")[0], OTHER))
            shown[name if name in COLOURS else name.partition(":")[0]] = colour
            axes.barh(row, number, left=left, height=0.62, color=colour, edgecolor=PAPER, linewidth=1)
            if number > LABEL_SHARE * total:
                light = name.startswith("suppressed")
                axes.text(left + number / 2, row, f"{number:,}", ha="center", va="center", color=INK if light else PAPER, fontsize=9)
            left += number
    axes.set_yticks(range(len(channels)), [_channel_label(channel, data.funnel[channel]) for channel in channels])
    axes.set_xlim(0, total)
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
    _frame(axes, "The flash sale, by channel: who was reached, and why not", "x")
    handles = [mpl.patches.Patch(color=colour, label=name.replace("_", " ").replace(":", ": ")) for name, colour in shown.items()]
    axes.legend(handles=handles, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False, fontsize=8.5, handlelength=1.0)


def _latency(axes: Axes, data: Pictured) -> None:
    for urgent, colour, name in ((False, NORMAL, "order, shipping, like"), (True, URGENT, "login code (critical)")):
        points = [point for point in data.latencies if point.urgent is urgent]
        middle, late = (quantile([point.ms for point in points], share) for share in (0.5, 0.99))
        label = f"{name}: p50 {middle:.0f} ms, p99 {late:,.0f} ms"
        axes.scatter([p.at_s for p in points], [p.ms for p in points], s=13, color=colour, alpha=0.75, linewidths=0, label=label)
    axes.set_yscale("log")
    axes.minorticks_off()
    lowest, highest = _decades([point.ms for point in data.latencies])
    axes.set_ylim(lowest, highest)
    axes.set_yticks([10**power for power in range(6) if lowest <= 10**power <= highest])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:,.0f} s"))
    _spans(axes, data, labels=True)
    _frame(axes, "From the commit in Postgres to the push provider", "y")
    axes.set_xlabel("seconds into the play", color=MUTED, fontsize=9)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=1, frameon=False, fontsize=8.5, handletextpad=0.2)


def _stages(axes: list[Axes], data: Pictured) -> None:
    end = max((len(values) for values in data.stages.values()), default=1) * data.bin_s
    peak = max((max(values, default=0.0) for values in data.stages.values()), default=1.0) or 1.0
    for index, (one, (name, values)) in enumerate(zip(axes, data.stages.items(), strict=True)):
        times = [(number + 0.5) * data.bin_s for number in range(len(values))]
        colour = STAGE_COLOURS[index % len(STAGE_COLOURS)]
        one.fill_between(times, values, color=colour, alpha=0.85, linewidth=0)
        one.set_xlim(0, end)
        one.set_ylim(0, peak * 1.1)
        one.set_yticks([])
        _spans(one, data, labels=False)
        one.text(0.004, 0.86, name, transform=one.transAxes, va="top", fontweight="bold", color=colour)
        top = max(values, default=0.0)
        if top:
            one.text(
                0.996,
                0.86,
                f"peak {top / 1000:,.0f} k recipients/s",
                transform=one.transAxes,
                va="top",
                ha="right",
                color=MUTED,
                fontsize=9,
            )
        for side in ("top", "right", "left"):
            one.spines[side].set_visible(False)
        one.spines["bottom"].set_color(GRID)
        one.tick_params(axis="x", colors=MUTED, labelbottom=index == len(axes) - 1, length=0)
    axes[0].set_title("The wave through the stages (recipients per second, one scale)", loc="left", fontsize=11, fontweight="bold", pad=8)
    axes[-1].set_xlabel("seconds into the play", color=MUTED, fontsize=9)


def _spans(axes: Axes, data: Pictured, *, labels: bool) -> None:
    for bounds, colour, name in ((data.sale, SALE, "flash sale"), (data.restart, RESTART, "connector\naway")):
        if bounds is not None:
            axes.axvspan(*bounds, color=colour, zorder=0, linewidth=0)
            if labels:
                middle, low = sum(bounds) / 2, axes.get_xaxis_transform()
                axes.text(middle, 0.015, name, transform=low, va="bottom", ha="center", fontsize=8.5, color=MUTED)


def _frame(axes: Axes, title: str, grid: Literal["x", "y"]) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=10)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(colors=MUTED, length=0)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def _channel_label(channel: str, counts: Mapping[str, int]) -> str:
    failed = sum(number for name, number in counts.items() if name.startswith("failed"))
    return channel.replace("_", "-") + (f"\n{failed:,} failed" if failed else "")


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """Limits of a logarithmic axis that leave room below for labels."""
    return min(values, default=10) / 3, max(values, default=1000) * 1.6


def _order(name: str) -> tuple[int, str]:
    status = name.partition(":")[0]
    ranks = ("sent", "failed", "unknown", "expired", "suppressed")
    return (ranks.index(status) if status in ranks else len(ranks), name)


def _thousands(value: float, _: int) -> str:
    return f"{value / 1000:,.0f} k" if value else "0"
