from pathlib import Path

from ops.demo.heard import Point
from ops.demo.picture import draw
from ops.demo.series import Latency, Pictured, growth, latencies, quantile, rates, span
from ops.demo.stores import recipients_before
from schemas.records import Outcome, Priority
from tests.unit.ops.cli.made import notification, status


def test_rates_are_recipients_a_second_by_bin() -> None:
    points = [Point(1_000, 5), Point(1_400, 5), Point(1_500, 7), Point(9_999, 1), Point(500, 1)]
    assert rates(points, 1_000, 2, 0.5) == [20.0, 14.0]


def test_growth_spreads_what_each_sample_added() -> None:
    spread = growth([Point(0, 0), Point(200, 400), Point(200, 400), Point(300, 400)])
    assert sum(point.recipients for point in spread) == 400
    assert {point.at for point in spread if point.recipients} == {0, 50, 100, 150}


def test_latencies_are_of_single_pushes_that_were_sent() -> None:
    urgent = notification(priority=Priority.CRITICAL, occurred_at=1_500)
    batches = [
        status(["a"], at=1_750, notification=urgent),
        status(["a"], channel="email"),
        status(["a"], Outcome("failed", "x")),
        status(["a", "b"]),
    ]
    assert latencies(batches, 1_000) == [Latency(0.5, 250, True)]


def test_quantiles_are_of_nearest_rank() -> None:
    assert [quantile([3, 1, 2, 4], share) for share in (0.0, 0.5, 0.99)] == [1, 3, 4]
    assert quantile([], 0.5) == 0.0


def test_spans_count_from_the_beginning() -> None:
    assert span((12.0, 13.5), 10.0) == (2.0, 3.5)
    assert span(None, 10.0) is None


def test_a_store_has_what_its_group_has_committed() -> None:
    places = {0: [(0, 10), (1, 20), (2, 30)], 1: [(5, 7)]}
    committed = {("notify.status", 0): 2, ("notify.status", 1): 6, ("notify.requests", 0): 99}
    assert recipients_before(places, committed) == 37
    assert recipients_before(places, {}) == 0


def pictured(**changes: object) -> Pictured:
    fields: dict[str, object] = {
        "title": "A sale",
        "funnel": {"push": {"sent": 70, "suppressed:category_muted": 20, "suppressed:new_reason": 5, "failed:unregistered": 5}},
        "stages": {"decided": [0.0, 5_000.0, 0.0], "in Cassandra": [0.0, 0.0, 4_000.0]},
        "bin_s": 0.5,
        "latencies": [Latency(0.5, 40, True), Latency(0.7, 4_000, False)],
        "sale": (0.4, 1.0),
        "restart": (1.1, 1.3),
    }
    return Pictured(**fields | changes)  # type: ignore[arg-type]


def test_the_picture_is_a_png(tmp_path: Path) -> None:
    draw(pictured(), tmp_path / "new" / "report.png")
    assert (tmp_path / "new" / "report.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_run_in_which_nothing_happened_can_be_drawn_too(tmp_path: Path) -> None:
    draw(pictured(funnel={}, stages={"decided": []}, latencies=[], sale=None, restart=None), tmp_path / "report.png")
    assert (tmp_path / "report.png").exists()
