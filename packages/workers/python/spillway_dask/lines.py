"""One JSON object a line, in both directions. Standard output is for nothing else: what prints goes to standard error."""

import json
import os
import sys
import threading
import time


class Lines:
    """Reads on a thread of its own. The end of the input is the end of the parent, and so is another parent."""

    def __init__(self, source, target):
        self._source = source
        self._target = os.fdopen(os.dup(target.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), target.fileno())
        self._parent = os.getppid()

    def write(self, message):
        self.write_text(json.dumps(message, separators=(",", ":")))

    def write_text(self, line):
        try:
            self._target.write(line.encode() + b"\n")
            self._target.flush()
        except (OSError, ValueError):
            pass  # nobody reads: the end of the input ends us

    def read_into(self, take, end):
        """Calls ``take`` with every message and ``end`` once, when there is nobody left to serve."""
        threading.Thread(target=self._read, args=(take, end), daemon=True).start()
        threading.Thread(target=self._watch_parent, args=(end,), daemon=True).start()

    def _read(self, take, end):
        for line in self._source:
            take(json.loads(line))
        end()

    def _watch_parent(self, end):
        while os.getppid() == self._parent:
            time.sleep(0.5)
        end()
        time.sleep(10)
        os._exit(1)  # whatever still runs serves nobody
