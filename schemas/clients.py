"""How Kafka's clients are set up, and given up: one place, because a producer with another partitioner silently breaks co-partitioning."""

import threading

from confluent_kafka import Consumer

Config = dict[str, str | int | float | bool]


def producer_config(bootstrap: str, within_s: float = 30.0) -> Config:
    """librdkafka settings of every producer: Java's partitioner, idempotent, lz4, and an end to every wait.

    `within_s`: a record is written within so long, or never; also by a process that was suspended meanwhile (on Linux librdkafka's clock
    is CLOCK_MONOTONIC).
    """
    return {
        "bootstrap.servers": bootstrap,
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
        "compression.type": "lz4",
        # records that come together leave together all the same; one that comes alone need not wait
        "linger.ms": 0,
        "batch.size": 262_144,
        "message.max.bytes": 12_582_912,
        "queue.buffering.max.messages": 200_000,
        "queue.buffering.max.kbytes": 131_072,
        "delivery.timeout.ms": round(1000 * within_s),
        "request.timeout.ms": round(500 * within_s),
        "socket.keepalive.enable": True,
        "log_level": 3,
    }


def consumer_config(bootstrap: str, group: str) -> Config:
    """librdkafka settings of every consumer: offsets are committed by hand, after the work; buffers are bounded."""
    return {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 30_000,
        "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 32_768,
        "fetch.message.max.bytes": 1_048_576,
        "fetch.max.bytes": 16_777_216,
        "message.max.bytes": 12_582_912,
        "log_level": 3,
    }


def close_elsewhere(consumer: Consumer) -> None:
    """Close a client that is stuck, on a thread of its own: nobody knows how long that takes.

    One that a starting broker told that there are no brokers never asks again (librdkafka 5301); who hears nothing takes a new one.
    """
    threading.Thread(target=consumer.close, name="closing", daemon=True).start()
