"""OUPS's side of merging rows: FOLDER-OF-THE-STORE NAME ROWS.parquet TARGET. Merges the rows for each line it reads, answers with a line of JSON."""

import json
import sys
import time
from pathlib import Path

from fastparquet import ParquetFile
from oups import OrderedParquetDataset

folder, name, rows, target = sys.argv[1:]
corrections = ParquetFile(rows).to_pandas()
dataset = OrderedParquetDataset(Path(folder) / name, lock_lifetime=3600)
print("ready", flush=True)
for _ in sys.stdin:
    frame = corrections.copy()
    start = time.perf_counter()
    dataset.write(df=frame, ordered_on="ts", duplicates_on="ts", row_group_target_size=int(target))
    print(json.dumps({"ms": (time.perf_counter() - start) * 1000}), flush=True)
# A dataset gives back its lock when it is collected, which has to be before the interpreter is taken down.
del dataset
