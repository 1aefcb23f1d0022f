"""The bridge's process: ``python -m spillway_dask``. Commands come in on standard input, replies and events go out on standard output."""

import asyncio
import signal
import sys

from spillway_dask.lines import Lines


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides what an interruption means
    lines = Lines(sys.stdin.buffer, sys.stdout.buffer)
    try:
        from spillway_dask.bridge import Bridge
    except ImportError as error:
        lines.write({"event": "fatal", "code": "no-distributed", "message": str(error), "python": sys.version.split()[0]})
        return 1
    return asyncio.run(Bridge(lines).serve())


if __name__ == "__main__":
    sys.exit(main())
