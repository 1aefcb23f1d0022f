"""Polars' side of the workloads: FOLDER with tables to read into memory. Reads a query a line (a list of its name and arguments), answers with JSON."""

import json
import sys
import time
from pathlib import Path

import polars as pl

tables = {path.stem: pl.read_parquet(path) for path in Path(sys.argv[1]).glob("*.parquet")}
for name, table in tables.items():
    tables[name] = table.set_sorted("ts")
HOUR = pl.col("ts").dt.truncate("1h").alias("hour")
# Weeks from Monday, days and hours from midnight: as truncate has them.
PERIODS = {"hourly": "1h", "daily": "1d", "weekly": "1w"}


def states(value):
    return {
        "total": value.sum(),
        "low": value.min(),
        "high": value.max(),
        "n": value.count(),
        "open": value.first(),
        "close": value.last(),
    }


ROLL_UP = {
    "total": pl.col("total").sum(),
    "low": pl.col("low").min(),
    "high": pl.col("high").max(),
    "n": pl.col("n").sum(),
    "open": pl.col("open").first(),
    "close": pl.col("close").last(),
}


def hours_of(table):
    return table.group_by_dynamic("ts", every="1h").agg(**states(pl.col("value")))


def rolled_up(hours):
    """Days from hours, weeks from days."""
    frames = [hours]
    for every in ("1d", "1w"):
        frames.append(frames[-1].set_sorted("ts").group_by_dynamic("ts", every=every).agg(**ROLL_UP))
    return frames


# Of each query several forms that come to the same: which is the fastest depends on version and data.


def series_eager():
    return pl.concat(rolled_up(hours_of(tables["series"])))


def series_lazy(engine):
    return lambda: pl.concat(rolled_up(hours_of(tables["series"].lazy()).collect(engine=engine)))


def series_truncated():
    table = tables["series"].lazy().group_by(pl.col("ts").dt.truncate("1h").set_sorted(), maintain_order=True)
    return pl.concat(rolled_up(table.agg(**states(pl.col("value"))).collect()))


def series_files(hours):
    def form(pattern, target):
        frames = rolled_up(hours(pl.scan_parquet(pattern)))
        for name, frame in zip(PERIODS, frames):
            frame.write_parquet(f"{target}/{name}.parquet")
        return pl.concat(frames)

    return form


def csv_to_parquet(path, target):
    schema = {"ts": pl.Datetime("us"), "symbol": pl.String, "price": pl.Float64, "qty": pl.Int64}
    pl.scan_csv(path, schema=schema).sink_parquet(target, compression="zstd")
    return pl.DataFrame({"ts": []})


def joined(engine, bin_hours):
    def form():
        trades, quotes = tables["trades"].lazy(), tables["quotes"].lazy()
        rows = trades.join_asof(quotes, on="ts", by="key", strategy="backward")
        sums = bin_hours(rows).agg(
            n=pl.len(), matched=pl.col("bid").count(), bid=pl.col("bid").sum(), price=pl.col("price").sum()
        )
        return sums.sort("ts").collect(engine=engine).drop("ts")

    return form


def joined_eager():
    rows = tables["trades"].join_asof(tables["quotes"], on="ts", by="key", strategy="backward").set_sorted("ts")
    sums = rows.group_by_dynamic("ts", every="1h").agg(
        n=pl.len(), matched=pl.col("bid").count(), bid=pl.col("bid").sum(), price=pl.col("price").sum()
    )
    return sums.drop("ts")


OVER_KEYS = {
    "keys": pl.len(),
    "n": pl.col("n").sum(),
    "total": pl.col("total").sum(),
    "low": pl.col("low").min(),
    "high": pl.col("high").max(),
    "open": pl.col("open").sum(),
    "close": pl.col("close").sum(),
}


def keyed(engine):
    def form():
        by_key = tables["events"].lazy().group_by(HOUR, "key").agg(**states(pl.col("value")))
        return by_key.group_by("hour").agg(**OVER_KEYS).sort("hour").collect(engine=engine).drop("hour")

    return form


def keyed_eager():
    by_key = tables["events"].group_by(HOUR, "key").agg(**states(pl.col("value")))
    return by_key.group_by("hour").agg(**OVER_KEYS).sort("hour").drop("hour")


def keyed_dynamic():
    by_key = tables["events"].group_by_dynamic("ts", every="1h", group_by="key").agg(**states(pl.col("value")))
    return by_key.group_by("ts").agg(**OVER_KEYS).sort("ts").drop("ts")


QUERIES = {
    "series": [series_eager, series_lazy("in-memory"), series_lazy("streaming"), series_truncated],
    "series_files": [
        series_files(lambda rows: hours_of(rows.collect().set_sorted("ts"))),
        series_files(lambda rows: hours_of(rows.set_sorted("ts")).collect(engine="in-memory")),
        series_files(lambda rows: hours_of(rows.set_sorted("ts")).collect(engine="streaming")),
    ],
    "csv_to_parquet": [csv_to_parquet],
    "joined": [
        joined_eager,
        joined("in-memory", lambda rows: rows.group_by(pl.col("ts").dt.truncate("1h"))),
        joined("streaming", lambda rows: rows.group_by(pl.col("ts").dt.truncate("1h"))),
    ],
    "keyed": [keyed_eager, keyed_dynamic, keyed("in-memory"), keyed("streaming")],
}


def timed(form, arguments):
    start = time.perf_counter()
    result = form(*arguments)
    return (time.perf_counter() - start) * 1000, result


# By query and arguments.
fastest = {}


def choose(name, arguments):
    """The form that takes least, of two runs each."""
    forms = QUERIES[name]
    if len(forms) == 1:
        return forms[0]
    return min(forms, key=lambda form: min(timed(form, arguments)[0] for _ in range(2)))


print(pl.__version__, flush=True)
for line in sys.stdin:
    name, *arguments = json.loads(line)
    if line not in fastest:
        fastest[line] = choose(name, arguments)
    ms, result = timed(fastest[line], arguments)
    result = result.with_columns(pl.col("^ts$").dt.epoch("us")) if result.height else result
    print(json.dumps({"ms": ms, "rows": [list(row) for row in result.rows()]}), flush=True)
