"""How the demo's picture looks: colours, and what all its panels share."""

from typing import Literal

from matplotlib.axes import Axes

from ops.demo.series import Pictured

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
SALE, AWAY, URGENT, NORMAL = "#ebf4ff", "#fdecea", "#c53030", "#4a90d9"


def colour_of(outcome: str) -> tuple[str, str]:
    """The name under which an outcome is in the legend, and its colour: reasons without a colour of their own have their status's."""
    name = outcome if outcome in COLOURS else outcome.partition(":")[0]
    return name, COLOURS.get(name, OTHER)


def frame(axes: Axes, title: str, grid: Literal["x", "y"]) -> None:
    """A title to the left, a grid, and nothing else around the panel."""
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=10)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(colors=MUTED, length=0)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def spans(axes: Axes, data: Pictured, *, labels: bool) -> None:
    """Shade the time of the sale, and that without a connector."""
    for bounds, colour, name in ((data.sale, SALE, "flash sale"), (data.restart, AWAY, "connector\n away")):
        if bounds is not None:
            axes.axvspan(*bounds, color=colour, zorder=0, linewidth=0)
            if labels:
                low = axes.get_xaxis_transform()
                axes.text(bounds[0], 0.015, f" {name}", transform=low, va="bottom", ha="left", fontsize=8.5, color=MUTED, linespacing=1.3)
