"""What is read: batch consumers that turn the log into rows in Cassandra and ClickHouse."""
