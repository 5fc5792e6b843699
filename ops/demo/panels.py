"""The three panels of the demo's picture."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from ops.demo.series import Latency, Pictured, quantile
from ops.demo.style import GRID, INK, MUTED, NORMAL, PAPER, STAGE_COLOURS, URGENT, colour_of, frame, spans

LABEL_SHARE = 0.045
"""A bar's part has its figure in it from this share of the whole on."""
_RANKS = ("sent", "failed", "unknown", "expired", "suppressed")


def funnel(axes: Axes, data: Pictured) -> None:
    """Who was reached on each channel, and why not."""
    total = max((sum(counts.values()) for counts in data.funnel.values()), default=1)
    names: dict[str, str] = {}
    for row, counts in enumerate(reversed(data.funnel.values())):
        names |= _bar(axes, row, counts, total)
    axes.set_yticks(range(len(data.funnel)), [_channel_label(*item) for item in reversed(data.funnel.items())])
    axes.set_xlim(0, total)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:,.0f} k" if value else "0"))
    frame(axes, "The flash sale, by channel: who was reached, and why not", "x")
    handles = [Patch(color=colour, label=name.replace("_", " ").replace(":", ": ")) for name, colour in names.items()]
    axes.legend(handles=handles, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False, fontsize=8.5, handlelength=1.0)


def latency(axes: Axes, data: Pictured) -> None:
    """How long single messages took, while the sale ran and while the connector was away."""
    for urgent, colour, name in ((False, NORMAL, "order, shipping, like"), (True, URGENT, "login code (critical)")):
        _dots(axes, [point for point in data.latencies if point.urgent is urgent], colour, name)
    lowest = min((point.ms for point in data.latencies), default=10) / 3
    highest = max((point.ms for point in data.latencies), default=1000) * 1.6
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_ylim(lowest, highest)
    axes.set_yticks([10**power for power in range(7) if lowest <= 10**power <= highest])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:,.0f} s"))
    spans(axes, data, labels=True)
    frame(axes, "From the commit in Postgres to the push provider", "y")
    axes.set_xlabel("seconds into the play", color=MUTED, fontsize=9)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=1, frameon=False, fontsize=8.5, handletextpad=0.2)


def stages(axes: Sequence[Axes], data: Pictured) -> None:
    """Recipients a second in each stage, one below the other, on one scale."""
    end = max(1, *(len(values) for values in data.stages.values())) * data.bin_s
    peak = max((max(values, default=0.0) for values in data.stages.values()), default=0.0) or 1.0
    for index, (one, (name, values)) in enumerate(zip(axes, data.stages.items(), strict=True)):
        colour = STAGE_COLOURS[index % len(STAGE_COLOURS)]
        one.fill_between([(n + 0.5) * data.bin_s for n in range(len(values))], values, color=colour, alpha=0.85, linewidth=0)
        one.set(xlim=(0, end), ylim=(0, peak * 1.1), yticks=[])
        spans(one, data, labels=False)
        _stage_labels(one, name, colour, max(values, default=0.0))
        one.tick_params(axis="x", colors=MUTED, labelbottom=index == len(axes) - 1, length=0)
    axes[0].set_title("The wave through the stages: outcomes a second, one scale", loc="left", fontsize=11, fontweight="bold", pad=8)
    axes[-1].set_xlabel("seconds into the play", color=MUTED, fontsize=9)


def _bar(axes: Axes, row: int, counts: Mapping[str, int], total: int) -> dict[str, str]:
    """One channel's bar; returns what the legend must say of it."""
    left, names = 0, {}
    for outcome, number in sorted(counts.items(), key=lambda item: _order(item[0])):
        name, colour = colour_of(outcome)
        names[name] = colour
        axes.barh(row, number, left=left, height=0.62, color=colour, edgecolor=PAPER, linewidth=1)
        if number > LABEL_SHARE * total:
            ink = INK if name.startswith("suppressed") else PAPER
            axes.text(left + number / 2, row, f"{number:,}", ha="center", va="center", color=ink, fontsize=9)
        left += number
    return names


def _dots(axes: Axes, points: Sequence[Latency], colour: str, name: str) -> None:
    middle, late = (quantile([point.ms for point in points], share) for share in (0.5, 0.99))
    label = f"{name}: p50 {middle:,.0f} ms, p99 {late:,.0f} ms"
    axes.scatter([p.at_s for p in points], [p.ms for p in points], s=13, color=colour, alpha=0.75, linewidths=0, label=label)


def _stage_labels(axes: Axes, name: str, colour: str, top: float) -> None:
    axes.text(0.004, 0.86, name, transform=axes.transAxes, va="top", fontweight="bold", color=colour)
    if top:
        axes.text(0.996, 0.86, f"peak {top / 1000:,.0f} k/s", transform=axes.transAxes, va="top", ha="right", color=MUTED, fontsize=9)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _channel_label(channel: str, counts: Mapping[str, int]) -> str:
    failed = sum(number for name, number in counts.items() if name.startswith("failed"))
    return channel.replace("_", "-") + (f"\n{failed:,} failed" if failed else "")


def _order(name: str) -> tuple[int, str]:
    status = name.partition(":")[0]
    return (_RANKS.index(status) if status in _RANKS else len(_RANKS), name)
