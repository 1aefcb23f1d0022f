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


def send_by_value(module):
    """Makes Dask send everything that the module defines, rather than its name.

    What is registered is sent so by cloudpickle, and what says that it is of ``__main__`` is given to cloudpickle by Dask.
    """
    cloudpickle.register_pickle_by_value(module)
    for item in list(vars(module).values()):
        if getattr(item, "__module__", None) == module.__name__:
            item.__module__ = "__main__"


class Bridge:
    def __init__(self, lines):
        self.lines = lines
        self.client = None
        self.cluster = None
        self.address = None
        self.plugin = None
        self.scheduler_id = None
        self.futures = {}
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
        for task in tasks:
            self._submit(**task)

    async def do_cancel(self, keys):
        futures = [self.futures.pop(key) for key in keys if key in self.futures]
        for future in futures:
            future.release()

    async def do_close(self):
        if not self.ending.done():
            self.ending.set_result(None)

    # Tasks.

    def _submit(self, key, worker_address, request, alone=False):
        name, settings = self.plugin
        if self._is_lost():
            self._let_go("the connection was lost")
            return
        call = (
            (worker.run_partition_alone, json.dumps(settings), request)
            if alone or settings["perTask"]
            else (worker.run_partition, name, request)
        )
        try:
            future = self.client.submit(*call, key=key, workers=[worker_address], allow_other_workers=False, pure=False)
        except Exception as error:
            self.lines.write({"event": "lost", "key": key, "why": str(error)})
            return
        self.futures[key] = future
        self._keep(self._follow(key, worker_address, request, future))

    async def _follow(self, key, worker_address, request, future):
        try:
            reply = json.loads(await future.result())
        except asyncio.CancelledError as error:
            if self._is_lost():
                self._let_go("the connection was lost")
            self._forget(key, {"event": "lost", "key": key, "why": str(error) or "it was cancelled"})
            return
        except Exception as error:
            self._forget(key, {"event": "lost", "key": key, "why": f"{type(error).__name__}: {error}"})
            return
        if reply.get("error", {}).get("code") == "no-plugin" and key in self.futures:
            self.futures.pop(key).release()
            self._submit(key + "-alone", worker_address, request, alone=True)
            self.lines.write({"event": "renamed", "key": key, "to": key + "-alone"})
            return
        self._forget(key, {"event": "done", "key": key, "reply": reply})

    def _forget(self, key, event):
        """Says what became of a task, unless it was cancelled meanwhile."""
        future = self.futures.pop(key, None)
        if future is not None:
            future.release()
            self.lines.write(event)

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
        self.futures.clear()
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
        for future in self.futures.values():
            future.release()
        self.futures.clear()
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
