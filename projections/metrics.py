"""What operators watch."""

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter("carillon_projection_records_total", "Records written to the store.", ["projection", "topic"])
DEAD_LETTERS = Counter("carillon_projection_dead_letters_total", "Records that were put aside.", ["projection"])
BATCH_SECONDS = Histogram("carillon_projection_batch_seconds", "From the first record in hand to the commit.", ["projection"])
LAG = Gauge("carillon_projection_lag_records", "Records on the topic that are not written yet.", ["projection", "topic", "partition"])
