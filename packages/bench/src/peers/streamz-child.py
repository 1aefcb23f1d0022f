"""streamz's side of the cascade: ROWS of an event. Reads how many events a line, answers with JSON."""

import json
import sys
import time

import pandas as pd
import streamz
from streamz import Stream

rows = int(sys.argv[1])


def plus_one(frame):
    return frame + 1


def together(frames):
    return pd.concat(frames, ignore_index=True)


def cascade(events):
    """Triggers of 3, 2 and 1 inputs, each with its op; what is left over at the end is lost, so that there is to be none."""
    totals = [0, 0.0]

    def take(frame):
        totals[0] += len(frame)
        totals[1] += float(frame["value"].sum())

    source = Stream()
    first = source.partition(3).map(together).map(plus_one)
    second = first.partition(2).map(together).map(plus_one)
    second.partition(1).map(together).map(plus_one).sink(take)
    for event in events:
        source.emit(event)
    return totals


print(f"{streamz.__version__} with pandas {pd.__version__}", flush=True)
for line in sys.stdin:
    count = int(line)
    events = [pd.DataFrame({"value": [float(i * rows + row) for row in range(rows)]}) for i in range(count)]
    start = time.perf_counter()
    totals = cascade(events)
    ms = (time.perf_counter() - start) * 1000
    print(json.dumps({"ms": ms, "totals": totals}), flush=True)
