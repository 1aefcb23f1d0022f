"""What runs inside a Dask worker: Node processes, spoken to in lines of JSON.

The scheduler and the workers do not have this package: the bridge sends everything in this module by value. So it
imports nothing but the standard library and ``distributed``, and everything that a task needs is reached from here.

Dask does not see the memory of child processes. So the plugin reports it as metrics of the worker, which Dask's own
dashboard shows, and ends a process that takes more than its part of the worker's limit.
"""

import collections
import json
import os
import queue
import subprocess
import threading
import time

from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin

LOOK_SECONDS = 0.1
"""Between two looks at the memory of the processes."""

START_SECONDS = 30
"""In which a Node process has to say that it is ready."""

LEASE_SECONDS = 30
"""After which a coordinator that has not renewed its lease is taken for dead."""


REPLIES = ('{"result":', '{"failed":', '{"ready":')
"""How the lines of a Node process begin that are for us. They are passed on as they are."""


def failure(code, message, **more):
    """A reply, as text."""
    return json.dumps({"error": {"code": code, "message": message, **more}})


def resident_bytes(pid):
    """Memory of a process in RAM; 0 when it is no more."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


class NodeProcess:
    """A Node process that runs one partition after the other. Used by one thread at a time."""

    def __init__(self, command):
        self.replies = queue.Queue()
        self.tail = collections.deque(maxlen=40)
        self.ended_for = None
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        for target in (self._read_replies, self._read_messages):
            threading.Thread(target=target, name="spillway-node", daemon=True).start()

    def wait_until_ready(self):
        """What is wrong with it; None when it is ready."""
        try:
            reply = self.replies.get(timeout=START_SECONDS)
        except queue.Empty:
            self.end("did not start")
            return failure("node-start", f"Node was not ready after {START_SECONDS} s{self._said()}")
        if reply is None:
            return failure("node-start", f"Node ended while it started (exit code {self.process.wait()}){self._said()}")
        return None

    def run(self, request):
        """Gives the reply to one request, both as text. A process that has ended instead says so, and is of no further use."""
        try:
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        except (OSError, ValueError):
            pass  # it has ended: the reader says so
        reply = self.replies.get()
        if reply is not None:
            return reply
        code = self.process.wait()
        if self.ended_for is not None:
            return self.ended_for
        return failure("node-died", f"the Node process ended with exit code {code}{self._said()}")

    def is_alive(self):
        return self.process.poll() is None

    def end(self, why=None):
        """Ends it at once. ``why`` is the reply to what it was working on."""
        if why is not None and self.ended_for is None:
            self.ended_for = why
        self.process.kill()
        self.process.wait()
        try:
            self.process.stdin.close()
        except OSError:
            pass  # what was left in its buffer cannot be written any more

    def _said(self):
        lines = "\n".join(self.tail).strip()
        return f": {lines[-2000:]}" if lines else ""

    def _read_replies(self):
        for line in self.process.stdout:
            if line.startswith(REPLIES):  # else some library wrote to the descriptor itself
                self.replies.put(line.rstrip("\n"))
        self.replies.put(None)

    def _read_messages(self):
        for line in self.process.stderr:
            self.tail.append(line.rstrip())


class SharedLease:
    """Whether the coordinator is still there: it touches a file on the shared path. No clocks are compared, only changes seen."""

    def __init__(self, path):
        self.path = path
        self.seen = None
        self.changed_at = time.monotonic()

    def is_held(self):
        try:
            stamp = os.stat(self.path).st_mtime_ns
        except OSError:
            stamp = None
        if stamp is not None and stamp != self.seen:
            self.seen = stamp
            self.changed_at = time.monotonic()
        return time.monotonic() - self.changed_at < LEASE_SECONDS


class NodePlugin(WorkerPlugin):
    """Keeps as many Node processes as the worker has threads, ends them with the worker, reports what they hold."""

    def __init__(self, name, settings):
        self.name = name
        self.settings = settings

    def setup(self, worker):
        self.worker = worker
        self.lock = threading.Lock()
        self.idle = []
        self.busy = {}
        self.is_closed = threading.Event()
        self.lease = SharedLease(self.settings["lease"])
        worker.metrics["spillway_rss"] = lambda _: self.resident()
        worker.metrics["spillway_pressure"] = lambda _: self.pressure()
        threading.Thread(target=self._watch, name="spillway-watch", daemon=True).start()

    def teardown(self, worker):
        self.is_closed.set()
        for metric in ("spillway_rss", "spillway_pressure"):
            worker.metrics.pop(metric, None)
        self.end_all(failure("node-ended", "the worker is closing"))

    def end_all(self, why):
        with self.lock:
            nodes = [*self.idle, *self.busy]
            self.idle = []
        for node in nodes:
            node.end(why)

    def threads(self):
        return self.worker.state.nthreads

    def share(self):
        """Bytes that one Node process may have; None when the worker has no limit and none was given."""
        limits = [limit_of(self.worker), self.settings.get("workerMemory")]
        limits = [limit for limit in limits if limit]
        return min(limits) // self.threads() if limits else None

    def resident(self):
        with self.lock:
            nodes = [*self.idle, *self.busy]
        return sum(resident_bytes(node.process.pid) for node in nodes)

    def pressure(self):
        """The part of its share that the largest process holds, from 0 to 1."""
        share = self.share()
        with self.lock:
            nodes = [*self.idle, *self.busy]
        if not share or not nodes:
            return 0.0
        return round(max(resident_bytes(node.process.pid) for node in nodes) / share, 3)

    def run(self, request):
        if self.is_closed.is_set():
            return failure("node-ended", "the worker is closing")
        node, problem = self._take()
        if problem is not None:
            return problem
        limit = self.share()
        with self.lock:
            self.busy[node] = limit
        try:
            return node.run(with_fields(request, shareBytes=limit))
        finally:
            self._give_back(node)

    def _take(self):
        with self.lock:
            while self.idle:
                node = self.idle.pop()
                if node.is_alive():
                    return node, None
        return start_node(node_command(self.settings))

    def _give_back(self, node):
        with self.lock:
            self.busy.pop(node, None)
            if node.is_alive() and node.ended_for is None and not self.is_closed.is_set():
                self.idle.append(node)
                return
        node.end()

    def _watch(self):
        looks = 0
        while not self.is_closed.wait(LOOK_SECONDS):
            looks += 1
            with self.lock:
                busy = list(self.busy.items())
            for node, limit in busy:
                end_beyond(node, limit, self.settings["endAt"])
            if looks % 10 == 0 and not self.lease.is_held():
                self.end_all(failure("node-ended", "the coordinator is no more"))


def node_command(settings):
    """What the worker's own environment says goes before what the coordinator says."""
    node = os.environ.get("SPILLWAY_NODE", settings["node"])
    entry = os.environ.get("SPILLWAY_WORKER_ENTRY", settings["entry"])
    return [node, entry] if settings["engine"] is None else [node, entry, settings["engine"]]


def lone_command(settings):
    """For a process of one task: where no task has code of users, a file beside the other entry, which starts faster."""
    command = node_command(settings)
    if settings["lone"] is None:
        return command
    entry = os.path.join(os.path.dirname(command[1]), settings["lone"])
    return [command[0], entry] if os.path.exists(entry) else command


def limit_of(worker):
    manager = getattr(worker, "memory_manager", worker)
    return getattr(manager, "memory_limit", None)


def with_fields(request, **fields):
    """A request is an object in JSON, whose first fields these become; those that are None are left out."""
    given = {name: value for name, value in fields.items() if value is not None}
    return f"{json.dumps(given)[:-1]},{request[1:]}" if given else request


def end_beyond(node, limit, part):
    """Ends a process that holds more than this part of its limit: beyond it the whole worker would be ended."""
    if limit is None:
        return
    resident = resident_bytes(node.process.pid)
    if resident > limit * part:
        why = failure(
            "node-memory",
            f"the Node process held {resident >> 20} MiB, {part:.0%} of its {limit >> 20} MiB are allowed",
            bytes=resident,
            limitBytes=limit,
        )
        node.end(why)


def start_node(command):
    """A process that is ready, or what is wrong with it."""
    try:
        node = NodeProcess(command)
    except OSError as error:
        return None, failure("node-missing", f"{command[0]} cannot be started: {error.strerror}")
    problem = node.wait_until_ready()
    if problem is not None:
        node.end()
        return None, problem
    return node, None


def run_alone(settings, request):
    """Where the plugin is not there: one process for one partition."""
    node, problem = start_node(lone_command(settings))
    if problem is not None:
        return problem
    worker = get_worker()
    limit = limit_of(worker) or settings.get("workerMemory")
    share = limit // worker.state.nthreads if limit else None
    is_done = threading.Event()

    def watch():
        while not is_done.wait(LOOK_SECONDS):
            end_beyond(node, share, settings["endAt"])

    threading.Thread(target=watch, name="spillway-watch", daemon=True).start()
    try:
        return node.run(with_fields(request, shareBytes=share, isOnly=True))
    finally:
        is_done.set()
        node.end()


def run_partitions(name, requests):
    """The task: partitions, one after the other. Text in, text out, a line each, so that nobody on the way looks at either. Without the plugin it says so."""
    plugin = get_worker().plugins.get(name)
    if plugin is None:
        return "\n".join('{"error":{"code":"no-plugin","message":"the plugin is not there"}}' for _ in requests)
    return "\n".join([plugin.run(request) for request in requests])


def run_partition_alone(settings, request):
    return run_alone(json.loads(settings), request)
