"""The real stack on a plain machine, without Docker: Kafka, registry, Cassandra, Connect and the upstream's Postgres.

``stack.up()`` starts what is not running and returns the endpoints, ``stack.down()`` stops exactly what was started from
the same home, ``stack.status()`` says how each part is. See docs/local-stack.md.
"""
