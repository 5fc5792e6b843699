"""The picture of a run: who was reached, how the wave went through the stages, and what it did to urgent messages."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from ops.demo.panels import funnel, latency, stages
from ops.demo.series import Pictured
from ops.demo.style import INK, PAPER

SIZE_INCHES, DPI = (13.0, 8.6), 150
MARGINS = {"left": 0.07, "right": 0.97, "top": 0.87, "bottom": 0.07}
FONT = {"font.family": "DejaVu Sans", "font.size": 10, "text.color": INK, "axes.labelcolor": INK}


def draw(data: Pictured, path: Path) -> None:
    """Write the PNG; its folder is made when it is missing."""
    with mpl.rc_context(FONT):
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor=PAPER)
        grid = figure.add_gridspec(2, 2, height_ratios=(1.0, 1.25), width_ratios=(1.15, 1.0), hspace=0.42, wspace=0.16, **MARGINS)
        figure.text(MARGINS["left"], 0.955, data.title, fontsize=17, fontweight="bold", va="center")
        funnel(figure.add_subplot(grid[0, 0]), data)
        latency(figure.add_subplot(grid[0, 1]), data)
        below = grid[1, :].subgridspec(len(data.stages), 1, hspace=0.12)
        stages([figure.add_subplot(below[index, 0]) for index in range(len(data.stages))], data)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
