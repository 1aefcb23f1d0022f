"""What can be wrong with a cluster, as codes that the coordinator knows remedies for."""

OLDEST = (2022, 12)


class Problem(Exception):
    def __init__(self, code, message, **more):
        super().__init__(message)
        self.data = {"code": code, "message": message, **more}


def problem_of(error):
    if isinstance(error, Problem):
        return error.data
    return {"code": "failed", "message": f"{type(error).__name__}: {error}"}


def version_of(node):
    """Of ``distributed``, as a machine of the cluster tells it."""
    packages = node.get("packages", {})
    # Older versions tell pairs, newer ones a mapping.
    return dict(packages).get("distributed") or "unknown"


def is_too_old(version):
    parts = version.split("+")[0].split(".")[:2]
    return not all(part.isdigit() for part in parts) or tuple(int(part) for part in parts) < OLDEST


def check_versions(versions):
    places = {"the scheduler": versions.get("scheduler") or {}}
    places.update((f"worker {address}", node) for address, node in (versions.get("workers") or {}).items())
    places["the bridge's Python"] = versions.get("client") or {}
    for place, node in places.items():
        version = version_of(node)
        if is_too_old(version):
            raise Problem("too-old", f"{place} has distributed {version}", place=place)
