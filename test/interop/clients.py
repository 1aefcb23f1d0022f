"""What other programs do with a Delta table. One command; its arguments come as JSON, its answer goes out as JSON."""
import json
import os
import sys

import polars
import pyarrow
import pyarrow.parquet
from deltalake import DeltaTable, write_deltalake
from polars.testing import assert_frame_equal


def rows_of(table):
    """Rows in a form that JSON has: times and dates as text, wide numbers as text."""

    def plain(value):
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, float):
            return repr(value)
        if isinstance(value, bytes):
            return value.hex()
        return str(value)

    return [{name: plain(value) for name, value in row.items()} for row in table.to_pylist()]


def read(path, version=None):
    return rows_of(pyarrow.table(DeltaTable(path, version=version).to_pyarrow_table()))


def read_polars(path, version=None):
    return rows_of(polars.scan_delta(path, version=version).collect().to_arrow())


def count_polars(path, column, value):
    """Rows at or above a value, with files skipped by their statistics."""
    return polars.scan_delta(path).filter(polars.col(column) >= int(value)).select(polars.len()).collect().item()


def columns_of(columns):
    types = {"int64": pyarrow.int64(), "string": pyarrow.string(), "timestamp": pyarrow.timestamp("us", "UTC")}
    return pyarrow.table({name: pyarrow.array(values, types[kind]) for name, (kind, values) in columns.items()})


def write(path, columns, mode="append", configuration=None):
    write_deltalake(path, columns_of(columns), mode=mode, configuration=configuration)
    return DeltaTable(path).version()


def checkpoint(path):
    table = DeltaTable(path)
    table.create_checkpoint()
    return table.version()


def delete(path, predicate):
    return DeltaTable(path).delete(predicate)


def optimize(path):
    return DeltaTable(path).optimize.compact()


def same_parquet(paths):
    """Whether files hold the same values, bit for bit but for kinds of NaN, in the eyes of two readers. Gives rows and columns."""
    for reader in (polars.read_parquet, lambda path: polars.from_arrow(pyarrow.parquet.read_table(path))):
        first, *others = [reader(path) for path in paths]
        for other in others:
            assert_frame_equal(first, other, check_exact=True)
    return list(first.shape)


commands = [read, read_polars, count_polars, write, checkpoint, delete, optimize, same_parquet]
answer = {command.__name__: command for command in commands}[sys.argv[1]](**json.load(sys.stdin))
json.dump(answer, sys.stdout, default=str)
sys.stdout.flush()
# Threads of the libraries may still be ending; waiting for them has aborted the interpreter.
os._exit(0)
