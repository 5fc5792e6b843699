"""What the gateway counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Of one gateway, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.heard = Counter("carillon_feedback_heard", "Events written to the log.", ["provider", "kind"], registry=self.registry)
        self.refused = Counter("carillon_feedback_refused", "Requests not believed.", ["provider", "code"], registry=self.registry)
        self.repeated = Counter("carillon_feedback_repeated", "Requests had before.", ["provider"], registry=self.registry)
        self.turned_away = Counter("carillon_feedback_turned_away", "Requests told to come again.", ["why"], registry=self.registry)
        self.pages = Counter("carillon_feedback_pages", "Pages of events that were fetched.", ["feed"], registry=self.registry)
        self.not_fetched = Counter("carillon_feedback_not_fetched", "Fetches that failed.", ["feed", "why"], registry=self.registry)
        self.foreign = Counter("carillon_feedback_foreign", "Fetched events of no message of ours.", ["feed"], registry=self.registry)
        self.fetched_at = Gauge(
            "carillon_feedback_fetched_timestamp_seconds", "When a feed was last asked and had no more.", ["feed"], registry=self.registry
        )
        self.took = Histogram("carillon_feedback_seconds", "From a request's head to its answer.", ["provider"], registry=self.registry)

    def hear(self, provider: str, kind: str) -> None:
        """Count an event; kinds of the provider's own are one."""
        self.heard.labels(provider, kind if not kind.startswith("other:") else "other").inc()
