"""Carries out the coordinator's commands on a cluster: connect, submit, cancel, look, close.

It decides nothing. Which partition goes to which worker, what is run again and when it is given up, the coordinator
knows; here every task is pinned to the worker that it names, and whatever becomes of it is said once.
"""

import asyncio
import json
import sys

import cloudpickle
import distributed
from distributed import Client, LocalCluster

from spillway_dask import worker
from spillway_dask.problems import Problem, check_versions, problem_of

LOOK_SECONDS = 0.5
ANSWER_SECONDS = 6
RECONNECT_SECONDS = 60
CLOSE_SECONDS = 10
MOST_TOGETHER = 8
NO_PLUGIN = '{"error":{"code":"no-plugin"'


def send_by_value(module):
    """Makes Dask send everything that the module defines, rather than its name.

    What is registered is sent so by cloudpickle, and what says that it is of ``__main__`` is given to cloudpickle by Dask.
    """
    cloudpickle.register_pickle_by_value(module)
    for item in list(vars(module).values()):
        if getattr(item, "__module__", None) == module.__name__:
            item.__module__ = "__main__"


class Bundle:
    """Partitions that one task of Dask runs, one after the other."""

    def __init__(self, tasks, future):
        self.tasks = tasks
        self.future = future
        self.open = {task["key"] for task in tasks}
        """Those that somebody waits for."""


class Bridge:
    def __init__(self, lines):
        self.lines = lines
        self.client = None
        self.cluster = None
        self.address = None
        self.plugin = None
        self.scheduler_id = None
        self.bundles = {}
        self.threads = {}
        self.following = set()
        self.ending = None

    async def serve(self):
        loop = asyncio.get_running_loop()
        self.ending = loop.create_future()
        send_by_value(worker)

        def take(message):
            loop.call_soon_threadsafe(lambda: self._keep(self._answer(message)))

        def end():
            try:
                loop.call_soon_threadsafe(lambda: self.ending.done() or self.ending.set_result(None))
            except RuntimeError:
                pass  # the loop has ended already

        self.lines.read_into(take, end)
        self.lines.write({"event": "ready", "version": distributed.__version__, "python": sys.version.split()[0]})
        await self.ending
        await self._close()
        return 0

    def _keep(self, coroutine):
        """Tasks are held weakly by the loop alone."""
        task = asyncio.ensure_future(coroutine)
        self.following.add(task)
        task.add_done_callback(self.following.discard)

    async def _answer(self, message):
        try:
            value = await getattr(self, "do_" + message["do"])(**message.get("with", {}))
            self.lines.write({"answer": message["id"], "value": value})
        except Exception as error:
            self.lines.write({"answer": message["id"], "problem": problem_of(error)})

    # The commands, by name.

    async def do_connect(self, address, timeout):
        self.address = address
        await self._connect(timeout)
        versions = await self.client.get_versions(check=False)
        check_versions(versions)
        self._keep(self._look_again_and_again())
        return {"address": address, "workers": await self._look()}

    async def do_start(self, workers, threads, memory, folder):
        """A cluster of this machine, on the loopback alone: schedulers listen on every address unless they are told."""
        self.cluster = await LocalCluster(
            n_workers=workers,
            threads_per_worker=threads,
            memory_limit=memory,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            local_directory=folder,
            silence_logs=50,
            asynchronous=True,
        )
        return await self.do_connect(self.cluster.scheduler_address, 30)

    async def do_register(self, name, settings):
        self.plugin = (name, settings)
        await self._register()

    async def do_submit(self, tasks):
        for bundle in self._bundled(tasks):
            self._submit(bundle)

    async def do_cancel(self, keys):
        for key in keys:
            bundle = self.bundles.pop(key, None)
            if bundle is None:
                continue
            bundle.open.discard(key)
            if not bundle.open:
                bundle.future.release()

    async def do_close(self):
        if not self.ending.done():
            self.ending.set_result(None)

    # Tasks.

    def _bundled(self, tasks):
        """Short ones for the same worker go together, so that what a task of Dask costs is shared."""
        together = {}
        for task in tasks:
            if not task.pop("together") or self.plugin[1]["perTask"]:
                yield [task]
            else:
                together.setdefault(task["worker_address"], []).append(task)
        for address, short in together.items():
            each = min(MOST_TOGETHER, -(-len(short) // self.threads.get(address, 1)))
            for first in range(0, len(short), each):
                yield short[first : first + each]

    def _submit(self, tasks, alone=False):
        name, settings = self.plugin
        if self._is_lost():
            self._let_go("the connection was lost")
            return
        requests = [task["request"] for task in tasks]
        call = (
            (worker.run_partition_alone, json.dumps(settings), *requests)
            if alone or settings["perTask"]
            else (worker.run_partitions, name, requests)
        )
        key, address = tasks[0]["key"], tasks[0]["worker_address"]
        try:
            future = self.client.submit(*call, key=key, workers=[address], allow_other_workers=False, pure=False)
        except Exception as error:
            for task in tasks:
                self.lines.write({"event": "lost", "key": task["key"], "why": str(error)})
            return
        bundle = Bundle(tasks, future)
        for key in bundle.open:
            self.bundles[key] = bundle
        self._keep(self._follow(bundle))

    async def _follow(self, bundle):
        try:
            replies = (await bundle.future.result()).split("\n")
        except asyncio.CancelledError as error:
            if self._is_lost():
                self._let_go("the connection was lost")
            self._lose(bundle, str(error) or "it was cancelled")
            return
        except Exception as error:
            self._lose(bundle, f"{type(error).__name__}: {error}")
            return
        open = self._forget(bundle)
        done = []
        for task, reply in zip(bundle.tasks, replies):
            key = task["key"]
            if key not in open:
                continue
            if reply.startswith(NO_PLUGIN):
                self._submit([dict(task, key=key + "-alone")], alone=True)
                self.lines.write({"event": "renamed", "key": key, "to": key + "-alone"})
            else:
                done.append(f"{json.dumps(key)}:{reply}")
        if done:
            self.lines.write_text(f'{{"event":"done","replies":{{{",".join(done)}}}}}')

    def _lose(self, bundle, why):
        for key in self._forget(bundle):
            self.lines.write({"event": "lost", "key": key, "why": why})

    def _forget(self, bundle):
        """What of it was not cancelled meanwhile."""
        open = {key for key in bundle.open if self.bundles.pop(key, None) is not None}
        bundle.open.clear()
        bundle.future.release()
        return open

    # The cluster.

    async def _connect(self, timeout):
        try:
            self.client = await Client(
                self.address, asynchronous=True, timeout=timeout, set_as_default=False, name="spillway"
            )
        except (OSError, asyncio.TimeoutError, ValueError) as error:
            raise Problem("no-scheduler", f"there is no scheduler at {self.address}: {error}") from error

    async def _register(self):
        name, settings = self.plugin
        plugin = worker.NodePlugin(name, settings)
        if settings["perTask"]:
            return
        register = getattr(self.client, "register_plugin", None) or self.client.register_worker_plugin
        await register(plugin, name=name)

    async def _look(self):
        identity = await self.client.scheduler.identity(**self._everyone())
        self.scheduler_id = self.scheduler_id or identity["id"]
        if self.scheduler_id != identity["id"]:
            raise Problem("no-scheduler", "the scheduler was started again")
        self.threads = {address: of.get("nthreads", 1) for address, of in identity["workers"].items()}
        return [seen(address, of) for address, of in identity["workers"].items()]

    def _everyone(self):
        """Newer versions tell of some workers only, unless they are asked."""
        version = tuple(int(part) for part in distributed.__version__.split("+")[0].split(".")[:2])
        return {"n_workers": -1} if version >= (2025, 1) else {}

    async def _connect_again(self):
        """A scheduler that was lost knows nothing of us, and neither does the next one at its address."""
        await self._connect(5)
        if self.plugin is not None:
            await self._register()

    def _let_go(self, why):
        """Of a client whose scheduler does not answer. Nothing comes of any task, and no worker is to blame for that."""
        client, self.client = self.client, None
        self.scheduler_id = None
        self.bundles.clear()
        if client is not None:
            self._keep(self._close_quietly(client))
        self.lines.write({"event": "interrupted", "why": f"the scheduler at {self.address} was lost: {why}"})

    async def _close_quietly(self, client):
        try:
            await asyncio.wait_for(client.close(), CLOSE_SECONDS)
        except Exception as error:
            print(f"while closing: {error}", file=sys.stderr)

    def _is_lost(self):
        return self.client is None or self.client.status != "running"

    async def _look_again_and_again(self):
        loop = asyncio.get_running_loop()
        lost_at = None
        while not self.ending.done():
            before = loop.time()
            try:
                if self._is_lost():
                    if self.client is not None:
                        self._let_go("the connection was lost")
                    await asyncio.wait_for(self._connect_again(), ANSWER_SECONDS)
                self.lines.write({"event": "workers", "workers": await asyncio.wait_for(self._look(), ANSWER_SECONDS)})
                lost_at = None
            except Exception as error:
                if self.client is not None:
                    self._let_go(str(error) or type(error).__name__)
                lost_at = before if lost_at is None else lost_at
                if loop.time() - lost_at > RECONNECT_SECONDS:
                    message = f"the scheduler at {self.address} is gone: {error}"
                    self.lines.write({"event": "fatal", "code": "no-scheduler", "message": message})
                    return
            await asyncio.sleep(max(LOOK_SECONDS, 5 * (loop.time() - before)) if lost_at is None else LOOK_SECONDS)

    async def _close(self):
        """Gives back what is ours, for a bounded time: the coordinator waits for the end of this process."""
        try:
            await asyncio.wait_for(self._give_back(), CLOSE_SECONDS)
        except Exception as error:
            print(f"while closing: {error}", file=sys.stderr)

    async def _give_back(self):
        for bundle in self.bundles.values():
            bundle.future.release()
        self.bundles.clear()
        if self.client is not None and self.client.status == "running":
            if self.plugin is not None and not self.plugin[1]["perTask"]:
                await self.client.unregister_worker_plugin(self.plugin[0])
            await self.client.close()
        if self.cluster is not None:
            await self.cluster.close()


def seen(address, identity):
    metrics = identity.get("metrics", {})
    return {
        "address": address,
        "name": str(identity.get("name", address)),
        "threads": identity.get("nthreads", 1),
        "memoryLimit": identity.get("memory_limit") or 0,
        "residentBytes": metrics.get("memory", 0),
        "nodeBytes": metrics.get("spillway_rss", 0),
        "pressure": metrics.get("spillway_pressure", 0),
    }
