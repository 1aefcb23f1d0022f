"""Polars' side of workloads over tables in memory: FOLDER. Reads a query's name a line, answers with a line of JSON."""

import json
import sys
import time
from pathlib import Path

import polars as pl

tables = {path.stem: pl.read_parquet(path) for path in Path(sys.argv[1]).glob("*.parquet")}
for name, table in tables.items():
    tables[name] = table.set_sorted("ts")
HOUR = pl.col("ts").dt.truncate("1h").alias("hour")


def joined():
    trades, quotes = tables["trades"].lazy(), tables["quotes"].lazy()
    return (
        trades.join_asof(quotes, on="ts", by="key", strategy="backward")
        .group_by(HOUR)
        .agg(n=pl.len(), matched=pl.col("bid").count(), bid=pl.col("bid").sum(), price=pl.col("price").sum())
        .sort("hour")
        .collect()
    )


def keyed():
    value = pl.col("value")
    states = (
        tables["events"]
        .lazy()
        .group_by(HOUR, "key")
        .agg(total=value.sum(), low=value.min(), high=value.max(), n=value.count(), open=value.first(), close=value.last())
    )
    return (
        states.group_by("hour")
        .agg(
            keys=pl.len(),
            n=pl.col("n").sum(),
            total=pl.col("total").sum(),
            low=pl.col("low").min(),
            high=pl.col("high").max(),
            open=pl.col("open").sum(),
            close=pl.col("close").sum(),
        )
        .sort("hour")
        .collect()
    )


QUERIES = {"joined": joined, "keyed": keyed}
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    result = QUERIES[line.strip()]()
    ms = (time.perf_counter() - start) * 1000
    rows = [[value for value in row] for row in result.drop("hour").rows()]
    print(json.dumps({"ms": ms, "rows": rows}), flush=True)
