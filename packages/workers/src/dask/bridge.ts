/**
 * The bridge to Dask: a Python process of ours, spoken to in lines of JSON over its standard streams. It ends with this process, and this object
 * ends it. It decides nothing; see `python/spillway_dask/bridge.py`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Cluster, ClusterEvents, ClusterTask, WorkerReply, WorkerView } from './cluster.ts';
import { readJsonLines } from './json-lines.ts';
import { type BridgeProblem, bridgeEnded, bridgeError, noPython } from './problems.ts';

/** Where the Python package lies, beside `dist` and `src`. */
const PYTHON_PACKAGE = fileURLToPath(new URL('../../python', import.meta.url));
/** A bridge that does not end by itself is ended. */
const CLOSE_MS = 15_000;
/** Of what it writes to standard error, for messages. */
const SAID_LENGTH = 2000;

/** What the Node processes of the workers are started with. */
export interface NodeSettings {
  node: string;
  /** Module that runs tasks, and the one that it takes `runPartitionTask` from, where that is not ours. */
  entry: string;
  engine: string | null;
  /** File beside `entry` for processes of one task, where no task has code of users. */
  lone: string | null;
  /** The file that the coordinator touches while it lives. */
  lease: string;
  workerMemory: number | null;
  /** Part of its share at which a process is ended. */
  endAt: number;
  perTask: boolean;
}

export interface LocalCluster {
  workers: number;
  threads: number;
  /** Bytes of each; null for what Dask takes. */
  memory: number | null;
  folder: string;
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

export class DaskBridge implements Cluster {
  readonly #python: string;
  readonly #events: ClusterEvents;
  readonly #child: ChildProcess;
  readonly #waiting: Map<number, Waiting> = new Map();
  /** Tasks that go on under another key, by that key. */
  readonly #renamed: Map<string, string> = new Map();
  readonly #ended: Promise<void>;
  #lastId = 0;
  #said = '';
  #isClosing = false;
  #error: Error | undefined;

  /** @param python command of a Python that has `distributed` */
  constructor(python: string, events: ClusterEvents) {
    this.#python = python;
    this.#events = events;
    const { PYTHONPATH } = process.env;
    const path = PYTHONPATH === undefined ? PYTHON_PACKAGE : `${PYTHON_PACKAGE}:${PYTHONPATH}`;
    this.#child = spawn(python, ['-m', 'spillway_dask'], {
      env: { ...process.env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin?.on('error', () => {}); // it has ended: its end says why
    this.#child.stderr?.on('data', (text) => {
      this.#said = (this.#said + String(text)).slice(-SAID_LENGTH);
    });
    this.#ended = this.#follow();
  }

  /** The process, for tests and messages. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** @throws ERR_DASK_PYTHON, ERR_DASK_SCHEDULER, ERR_DASK_VERSION */
  async connect(address: string, timeoutSeconds: number): Promise<{ address: string; workers: WorkerView[] }> {
    return this.#connected(await this.#ask('connect', { address, timeout: timeoutSeconds }));
  }

  /** Starts a cluster on the loopback of this machine. @throws ERR_DASK_PYTHON */
  async start(cluster: LocalCluster): Promise<{ address: string; workers: WorkerView[] }> {
    return this.#connected(await this.#ask('start', { ...cluster }));
  }

  /** Gives all workers, also those that come later, what keeps their Node processes. */
  async register(name: string, settings: NodeSettings): Promise<void> {
    await this.#ask('register', { name, settings });
  }

  submit(tasks: readonly ClusterTask[]): void {
    const sent = tasks.map(({ worker, ...task }) => ({ ...task, worker_address: worker }));
    this.#ask('submit', { tasks: sent }).catch((error) => this.#fail(error));
  }

  cancel(keys: readonly string[]): void {
    if (keys.length > 0) this.#ask('cancel', { keys }).catch((error) => this.#fail(error));
  }

  /** Gives everything back on the cluster and ends the process; does not throw. */
  async close(): Promise<void> {
    if (this.#isClosing) return this.#ended;
    this.#isClosing = true;
    (this.#child.stdin as Writable).end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  #connected(value: unknown): { address: string; workers: WorkerView[] } {
    const { address, workers } = value as { address: string; workers: PythonWorker[] };
    return { address, workers: workers.map(viewOf) };
  }

  async #ask(command: string, parameters: object): Promise<unknown> {
    if (this.#error !== undefined) throw this.#error;
    const id = ++this.#lastId;
    const reply = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    (this.#child.stdin as Writable).write(`${JSON.stringify({ id, do: command, with: parameters })}\n`);
    return reply;
  }

  async #follow(): Promise<void> {
    const ended = once(this.#child, 'close').catch((cause: unknown) => this.#fail(noPython(this.#python, cause)));
    await readJsonLines(this.#child.stdout as Readable, (message) => this.#take(message as unknown as BridgeMessage));
    await ended;
    const said = this.#said.trim() === '' ? '' : `: ${this.#said.trim()}`;
    this.#fail(bridgeEnded(this.#child.exitCode, said));
  }

  #take(message: BridgeMessage): void {
    if ('answer' in message) return this.#answer(message);
    switch (message.event) {
      case 'workers':
        return this.#events.workers(message.workers.map(viewOf));
      case 'done':
        for (const [key, reply] of Object.entries(message.replies)) this.#events.done(this.#original(key), reply);
        return;
      case 'lost':
        return this.#events.lost(this.#original(message.key), message.why);
      case 'interrupted':
        this.#renamed.clear();
        return this.#events.interrupted(message.why);
      case 'renamed':
        this.#renamed.set(message.to, message.key);
        return;
      case 'fatal':
        return this.#fail(bridgeError(message, this.#python));
    }
  }

  #answer({ answer, value, problem }: Extract<BridgeMessage, { answer: number }>): void {
    const waiting = this.#waiting.get(answer);
    this.#waiting.delete(answer);
    if (problem !== undefined) waiting?.reject(bridgeError(problem, this.#python));
    else waiting?.resolve(value);
  }

  #original(key: string): string {
    const original = this.#renamed.get(key) ?? key;
    this.#renamed.delete(key);
    return original;
  }

  /** The first failure counts; who waits for a reply gets it, and so does the run, unless it is closing. */
  #fail(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    if (!this.#isClosing) this.#events.failed(error);
  }
}

type BridgeMessage =
  | { answer: number; value?: unknown; problem?: BridgeProblem }
  | { event: 'ready'; version: string; python: string }
  | { event: 'workers'; workers: PythonWorker[] }
  | { event: 'done'; replies: Record<string, WorkerReply> }
  | { event: 'lost'; key: string; why: string }
  | { event: 'interrupted'; why: string }
  | { event: 'renamed'; key: string; to: string }
  | ({ event: 'fatal' } & BridgeProblem);

interface PythonWorker {
  address: string;
  threads: number;
  memoryLimit: number;
  residentBytes: number;
  nodeBytes: number;
  pressure: number;
}

function viewOf({ memoryLimit, address, threads, residentBytes, nodeBytes, pressure }: PythonWorker): WorkerView {
  return { address, threads, memoryLimitBytes: memoryLimit, residentBytes, nodeBytes, pressure };
}
