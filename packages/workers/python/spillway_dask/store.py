"""A store's datasets for readers of Parquet: the files of a version, in the order of their rows. Standard library alone."""

import glob
import json
import os
import re
import urllib.parse

LOG = "_delta_log"


def dataset_files(dataset, version=None):
    """Paths of the files of a dataset's version (the newest without one), in the order of their rows.

    Raises FileNotFoundError where there is no dataset, and ValueError where the version is not there any more.
    """
    commits = {number_of(path): path for path in glob.glob(os.path.join(glob.escape(dataset), LOG, "*.json")) if number_of(path) is not None}
    if not commits:
        raise FileNotFoundError(f"there is no dataset in {dataset}")
    last = max(commits) if version is None else version
    if 0 not in commits or last not in commits:
        raise ValueError(f"version {last} of {dataset} cannot be read from its log alone: read it with a reader of Delta tables")
    files = {}
    for number in range(last + 1):
        with open(commits[number], encoding="utf-8") as lines:
            for line in lines:
                apply(json.loads(line), files)
    return [os.path.join(dataset, urllib.parse.unquote(path)) for path, _ in sorted(files.items(), key=lambda file: file[1])]


def number_of(path):
    """Version of a commit; None for other files."""
    found = re.fullmatch(r"(\d{20})\.json", os.path.basename(path))
    return int(found.group(1)) if found else None


def apply(action, files):
    if "add" in action:
        files[action["add"]["path"]] = order_of(action["add"])
    elif "remove" in action:
        files.pop(action["remove"]["path"], None)


def order_of(add):
    """Datasets number their files in the order of their rows. A file that others have appended has no number."""
    sequence = (add.get("tags") or {}).get("spillway.sequence")
    if sequence is None:
        raise ValueError(f"{add['path']} was appended by another program: write to the dataset with spillway once, then it is in its place")
    return int(sequence)
