"""What the Python library OUPS does with a store. One command; its arguments come as JSON, its answer goes out as JSON."""
import gc
import json
import sys
from pathlib import Path

import oups
import pandas
from oups import Store, toplevel


@toplevel
class Key:
    symbol: str
    freq: str


KEY = Key("AAPL", "1h")


def plain(value):
    """A value in a form that JSON has: times as nanoseconds, wide integers and floats as text."""
    if value is None or value is pandas.NaT or value is pandas.NA or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, pandas.Timestamp):
        return str(value.as_unit("ns").value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (str, bool)):
        return value
    if hasattr(value, "item"):
        return plain(value.item())
    return repr(value)


def rows_of(dataset):
    frame = dataset.to_pandas()
    if frame is None:
        return []
    names = list(frame.columns)
    columns = [[plain(value) for value in frame[name]] for name in names]
    return [dict(zip(names, row)) for row in zip(*columns)]


def frame_of(columns):
    def series(kind, values):
        if kind == "timestamp":
            return pandas.Series(pandas.to_datetime(values, unit="ns"))
        if kind == "zoned":
            return pandas.Series(pandas.to_datetime(values, unit="ns", utc=True)).dt.tz_convert("Europe/Paris")
        return pandas.Series(values, dtype=kind)

    return pandas.DataFrame({name: series(kind, values) for name, (kind, values) in columns.items()})


def state_of(dataset):
    return {"rows": rows_of(dataset), "groups": [int(n) for n in dataset.row_group_stats["n_rows"]]}


def version():
    return oups.__version__, pandas.__version__


def read(path):
    store = Store(Path(path), Key)
    dataset = store[KEY]
    metadata = {name: repr(value) for name, value in dataset.key_value_metadata.items()}
    return {"keys": [str(key) for key in store.keys], "metadata": metadata, "orderedOn": dataset.ordered_on, **state_of(dataset)}


def write(path, columns, options, metadata=None):
    """Writes columns; metadata is an expression of Python."""
    dataset = Store(Path(path), Key)[KEY]
    values = None if metadata is None else eval(metadata)
    dataset.write(df=frame_of(columns), key_value_metadata=values, **options)
    return state_of(dataset)


def histories(path, histories):
    """Random writes, each history into a store of its own; the state after each write."""
    states = []
    for i, history in enumerate(histories):
        dataset = Store(Path(path) / str(i), Key)[KEY]
        after = []
        for columns in history["writes"]:
            options = {name: list(value) if isinstance(value, list) else value for name, value in history["options"].items()}
            try:
                dataset.write(df=None if columns is None else frame_of(columns), **options)
            except (IndexError, ValueError) as error:
                # It does not always take up what it has written itself.
                after.append({"error": repr(error)})
                break
            after.append(state_of(dataset))
        states.append(after)
    return states


if __name__ == "__main__":
    answer = globals()[sys.argv[1]](**json.load(sys.stdin))
    # A dataset holds its lock until it is collected.
    gc.collect()
    print(json.dumps(answer))
