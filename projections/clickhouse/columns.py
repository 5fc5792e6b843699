"""Arrow columns from batches of rows: what is the same for a whole batch is written once and repeated by index."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

TIME = pa.timestamp("ms", tz="UTC")


class Repeat:
    """Repeats one value per batch over the rows of the batch."""

    def __init__(self, rows: Sequence[int]) -> None:
        """`rows`: how many rows each batch has."""
        self.rows = sum(rows)
        self._index = pa.array(np.repeat(np.arange(len(rows), dtype=np.int32), rows))

    def text(self, values: Sequence[str]) -> Any:
        """Dictionary-encoded: ClickHouse reads it as LowCardinality."""
        distinct = pa.array(values, pa.string()).dictionary_encode()
        return pa.DictionaryArray.from_arrays(distinct.indices.take(self._index), distinct.dictionary)

    def plain(self, values: Sequence[int], kind: Any) -> Any:
        """Numbers and times."""
        return pa.array(values, kind).take(self._index)


def coded(values: Sequence[str], index: Any) -> Any:
    """values[index[i]] for each row, dictionary-encoded; `values` may repeat themselves, a ClickHouse dictionary may not."""
    distinct = pa.array(values, pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(distinct.indices.take(index), distinct.dictionary)


def counting(rows: Sequence[int]) -> Any:
    """0, 1, 2, ... within each batch."""
    starts = np.repeat(np.cumsum(rows, dtype=np.int64) - np.asarray(rows, dtype=np.int64), rows)
    return pa.array(np.arange(sum(rows), dtype=np.int64) - starts, pa.uint32())


def flat(lists: Sequence[Sequence[Any]], kind: Any) -> Any:
    """All lists, one after the other."""
    return pa.array([value for values in lists for value in values], kind)
