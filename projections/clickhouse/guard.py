"""Which SQL may come in from outside: one statement that reads. The engine is in read-only mode besides.

`readonly = 1` (tried on chDB 26.9) refuses writes, DDL, settings and table functions, but not `INTO OUTFILE`, `KILL QUERY`, `USE`, nor
the functions that read files. So the text is looked at too, without its literals and comments.
"""

import re

from projections.errors import QueryRefused

MAX_SQL_BYTES = 64 * 1024
_HIDDEN = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|--[^\n]*|/\*.*?\*/", re.DOTALL)
_STARTS = re.compile(r"\s*\(*\s*(SELECT|WITH|EXPLAIN|DESCRIBE|DESC|SHOW)\b", re.IGNORECASE)
_FORBIDDEN = re.compile(r"\bINTO\b|\b(file|python|executable|url|s3|hdfs|remote|cluster)\w*\s*\(", re.IGNORECASE)
_PLAIN = re.compile(r"[\w\s.,()\[\]{}:*+\-/%<>=!|?@&^~]*", re.ASCII)


def read_only(sql: str) -> str:
    """The statement without a closing `;`. Raises QueryRefused, saying why."""
    statement = sql.strip().rstrip(";").rstrip()
    if len(statement.encode()) > MAX_SQL_BYTES:
        raise QueryRefused(f"longer than {MAX_SQL_BYTES} bytes")
    bare = _HIDDEN.sub(" 0 ", statement)
    if not _STARTS.match(bare):
        raise QueryRefused("only SELECT, WITH, EXPLAIN, DESCRIBE and SHOW are answered")
    if not _PLAIN.fullmatch(bare):
        raise QueryRefused("several statements, or a character that is only allowed inside quotes")
    if found := _FORBIDDEN.search(bare):
        raise QueryRefused(f"{found[0].strip()!r} is not allowed")
    return statement
