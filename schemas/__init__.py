"""What is on the wire: Avro contracts, the topic catalogue, frozen records, codec, deterministic ids, Debezium mapping."""
