/** A Dask cluster of real processes on the loopback of this machine, for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

export interface ClusterOptions {
  /** Command of a Python that has `distributed`. */
  python: string;
  workers: number;
  threads?: number;
  memoryLimit?: string;
  /** Of the workers' own files. */
  folder: string;
  /** Of the workers. */
  env?: Record<string, string>;
  /** Whether one that ends, as all do that lose their scheduler, is started again. */
  areKept?: boolean;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

const MARK = 'SPILLWAY_TEST_CLUSTER';

/** Everything listens on 127.0.0.1 alone: schedulers and their dashboards listen on all addresses unless they are told. */
const ON_LOOPBACK = ['--host', '127.0.0.1', '--dashboard-address', '127.0.0.1:0', '--no-dashboard'];

export class TestCluster implements AsyncDisposable {
  readonly address: string;
  readonly workers: ChildProcess[] = [];
  readonly #options: ClusterOptions;
  readonly #port: number;
  #scheduler: ChildProcess | undefined;
  #said = '';
  /** In the environment of all its processes, and of theirs. */
  readonly #mark: string = randomUUID();

  private constructor(options: ClusterOptions, port: number) {
    this.#options = options;
    this.#port = port;
    this.address = `tcp://127.0.0.1:${port}`;
  }

  static async start(options: ClusterOptions): Promise<TestCluster> {
    const cluster = new TestCluster(options, await freePort());
    mkdirSync(options.folder, { recursive: true });
    await cluster.startScheduler();
    for (let at = 0; at < options.workers; at++) cluster.startWorker();
    return cluster;
  }

  /** What its processes have written to standard error, for messages of failed tests. */
  get said(): string {
    return this.#said;
  }

  async startScheduler(): Promise<void> {
    this.#scheduler = this.#spawn('dask_scheduler', ['--port', String(this.#port), ...ON_LOOPBACK]);
    await this.#heard(this.#scheduler, 'Scheduler at');
  }

  /** Ends it at once, as a machine that goes down does. */
  async killScheduler(): Promise<void> {
    await ended(this.#scheduler);
  }

  startWorker(env: Record<string, string> = {}): ChildProcess {
    const { threads = 1, memoryLimit = '512MiB', folder } = this.#options;
    const limits = ['--nthreads', String(threads), '--memory-limit', memoryLimit];
    const worker = this.#spawn(
      'dask_worker',
      [this.address, ...ON_LOOPBACK, ...limits, '--no-nanny', '--local-directory', folder],
      env,
    );
    this.workers.push(worker);
    if (this.#options.areKept) worker.once('exit', () => this.#startAgain(worker, env));
    return worker;
  }

  #startAgain(worker: ChildProcess, env: Record<string, string>): void {
    const at = this.workers.indexOf(worker);
    if (at < 0) return;
    this.workers.splice(at, 1);
    this.startWorker(env);
  }

  /** Ends a worker at once and starts another. */
  async replaceWorker(at: number): Promise<void> {
    await ended(this.workers.splice(at, 1)[0]);
    this.startWorker();
  }

  /** Pids of the Node processes that were ever started below a worker, and still run. */
  orphans(): number[] {
    return pidsWhere((pid) => environmentOf(pid).includes(`${MARK}=${this.#mark}`) && !this.#isOurs(pid));
  }

  #isOurs(pid: number): boolean {
    return [this.#scheduler, ...this.workers].some((child) => child?.pid === pid);
  }

  /** Pids of the Node processes below the workers that are alive. */
  nodes(): number[] {
    return this.workers.flatMap(({ pid }) => (pid === undefined ? [] : childrenOf(pid)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.workers.splice(0), this.#scheduler].map(ended));
  }

  #spawn(module: string, args: string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(this.#options.python, ['-m', `distributed.cli.${module}`, ...args], {
      env: { ...process.env, [MARK]: this.#mark, ...this.#options.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.on('data', (text) => {
      this.#said = (this.#said + String(text)).slice(-20_000);
    });
    return child;
  }

  async #heard(child: ChildProcess, text: string): Promise<void> {
    const before = this.#said.length;
    while (!this.#said.slice(before).includes(text)) {
      if (child.exitCode !== null) throw new Error(`the scheduler did not start: ${this.#said}`);
      await once(child.stderr as Readable, 'data');
    }
  }
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Processes whose parent this is. */
export function childrenOf(parent: number): number[] {
  return pidsWhere((pid) => Number(/\nPPid:\s+(\d+)/.exec(textOf(pid, 'status'))?.[1]) === parent);
}

function pidsWhere(is: (pid: number) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(is);
}

function environmentOf(pid: number): string[] {
  return textOf(pid, 'environ').split('\0');
}

/** Empty for a process that has just ended. */
function textOf(pid: number, file: string): string {
  try {
    return readFileSync(join('/proc', String(pid), file), 'utf8');
  } catch {
    return '';
  }
}
