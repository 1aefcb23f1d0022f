"""Polars' side of the market workload: FOLDER RESULT. Its streaming engine; at most so much address space, for the machine's sake."""

import resource
import sys

MOST_BYTES = 16 << 30

resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))

import polars as pl  # noqa: E402

folder, result = sys.argv[1:3]
columns = pl.col("ts"), pl.col("symbol").cast(pl.String)
# Of quotes at one microsecond an as-of join takes the last: they have to stay in the order in which they arrived.
quotes = pl.scan_parquet(f"{folder}/quotes-*.parquet").select(*columns, "bid", "ask").sort("ts", maintain_order=True)
trades = pl.scan_parquet(f"{folder}/trades-*.parquet").select(*columns, "price", "size").set_sorted("ts")
(
    trades.join_asof(quotes, on="ts", by="symbol", strategy="backward")
    .group_by(pl.col("ts").dt.truncate("1m"), "symbol")
    .agg(
        n=pl.len(),
        quoted=pl.col("bid").count(),
        volume=pl.col("size").cast(pl.Int64).sum(),
        over=(pl.col("price") - (pl.col("bid") + pl.col("ask")) / 2).sum(),
        bid=pl.col("bid").min(),
        ask=pl.col("ask").max(),
    )
    .sort("ts", "symbol")
    .sink_parquet(result, engine="streaming")
)
