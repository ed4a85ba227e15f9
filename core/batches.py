"""Cut frames of records into batches.

Where a batch ends depends on the numbers of its rows alone, so a load that was interrupted goes on
with the same batches as one that was not.
"""

from collections.abc import Iterable, Iterator

import polars as pl

from core.frames import ROW
from domain.load import LoadOrder, Position

# More rows than this are never held at once; a larger batch size is committed in parts.
MAX_COMMIT = 50_000


def batches(
    frames: Iterable[pl.DataFrame], order: LoadOrder, done: Position
) -> Iterator[pl.DataFrame]:
    """Yield the frames again, cut at batch ends; stop at the end of the window.

    Records ahead of the window come as frames of their own, of any size.
    """
    record = done.record
    pending: pl.DataFrame | None = None
    for frame in frames:
        pending = frame if pending is None else pl.concat([pending, frame])
        while order.end is None or record < order.end:
            end = batch_end(order, record)
            cut = lines_up_to(pending, end)
            if cut is None:
                break
            yield pending[:cut]
            pending, record = pending[cut:], end
        else:
            return
        if pending.height and pending.item(-1, "record") < order.start:
            record = pending.item(-1, "record")
            yield pending
            pending = None
    if pending is not None and pending.height:
        yield pending


def batch_end(order: LoadOrder, record: int) -> int:
    """The number of the row with which the batch ends that is open after row `record`."""
    if record < order.start:
        return order.start
    first = order.start + (record - order.start) // order.batch_size * order.batch_size
    last = first + order.batch_size
    part = first + (record - first) // MAX_COMMIT * MAX_COMMIT + MAX_COMMIT
    ends = (last, part) if order.end is None else (last, part, order.end)
    return min(ends)


def lines_up_to(frame: pl.DataFrame, record: int) -> int | None:
    """How many lines of `frame` lie up to row number `record`; None where it is not in there."""
    numbers = frame.filter(pl.col("kind") == ROW).get_column("record")
    if numbers.is_empty() or numbers[-1] < record:
        return None
    return int(frame.get_column("record").search_sorted(record, side="left")) + 1
