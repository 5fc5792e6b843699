import pytest

from projections.clickhouse.guard import MAX_SQL_BYTES, read_only
from projections.errors import QueryRefused

GOOD = [
    "SELECT 1",
    " select count() from status_events; ",
    "WITH 1 AS x SELECT x",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "EXPLAIN SELECT 1",
    "SHOW TABLES",
    "DESCRIBE TABLE status_events",
    "SELECT 'INTO OUTFILE; file(x)' -- ; DROP TABLE x\n, \"into\" /* ; */",
    "SELECT * FROM funnel WHERE notification_id = {id:String} AND m['a'] > 1",
    "SELECT 'it''s', 'a\\'b', domain(url), `into`",
    "SELECT 'Grüße $ # ;'",
]
BAD = [
    "",
    "DROP TABLE status_events",
    "INSERT INTO status_events VALUES (1)",
    "SELECT 1; DROP TABLE x",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT 1 into\noutfile '/tmp/x'",
    "SELECT 1 /* */ INTO /* */ OUTFILE 'x'",
    "SELECT file('/etc/passwd')",
    "SELECT * FROM file ('/etc/passwd', LineAsString)",
    "SELECT * FROM python('x')",
    "SELECT * FROM url('http://127.0.0.1/', CSV)",
    "SELECT * FROM s3Cluster('x', 'y')",
    "KILL QUERY WHERE 1",
    "SET readonly = 0",
    "USE system",
    "SELECT $$'$$ INTO OUTFILE 'x' --'",
    "SELECT 1 # comment '\n INTO OUTFILE 'x' --'",
    "SELECT \u2018' INTO OUTFILE \u2018x\u2019 --'",
    "SELECT 'unclosed",
    "-- SELECT\nDROP TABLE x",
    "SELECT '" + "x" * MAX_SQL_BYTES + "'",
]


@pytest.mark.parametrize("sql", GOOD)
def test_reading_is_allowed(sql: str) -> None:
    assert read_only(sql) == sql.strip().rstrip(";").rstrip()


@pytest.mark.parametrize("sql", BAD)
def test_all_else_is_refused(sql: str) -> None:
    with pytest.raises(QueryRefused):
        read_only(sql)
