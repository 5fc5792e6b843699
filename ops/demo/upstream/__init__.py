"""The demo's upstream: a shop that knows nothing of Carillon but how to write an outbox row, and Debezium's connectors for it."""
