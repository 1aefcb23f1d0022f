/** Options of `runOnDask`, checked before anything starts. */
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { PipelineError, parseBytes } from '@spillway/core/base';
import { parseRunOptions, type RunOptions } from '../job/run-options.ts';

/** Of `run`, without what has no meaning where the work is done by other processes. */
type SharedRunOptions = Omit<RunOptions, 'inputEnds' | 'resumeDirectory'>;

/** Options of `runOnDask`. */
export interface DaskOptions extends SharedRunOptions {
  /** Address of a Dask scheduler (`tcp://HOST:8786`), or `local`: a cluster on this machine, which lives as long as the job. */
  scheduler: string;
  /**
   * A folder that the coordinator and all workers see at the same path. What the job puts there is removed at its end. Default with `local`: the
   * system's folder for temporary files.
   */
  sharedPath?: string;
  /** How many parts the sources are cut into. Each should fit a worker's memory several times. Default 16. */
  partitions?: number;
  /**
   * Memory of one Dask worker. With `local` its limit; else the most that is taken of the limit that it has. Default: that limit. A
   * worker's Node processes share it, one for each of its threads.
   */
  workerMemory?: number | string;
  /** Workers of a `local` cluster, with one thread each. Default 2. */
  localWorkers?: number;
  /** Failures of one partition that are borne: workers that end, results that are not whole. Default 4. */
  retries?: number;
  /** Command of a Python that has `distributed`. Default: SPILLWAY_PYTHON, or python3. */
  python?: string;
  /** Command of Node on the workers. Default: SPILLWAY_NODE, or node. */
  node?: string;
  /** `per-task` starts a Node process for each partition, where workers take no plugins. Default `kept`. */
  nodes?: 'kept' | 'per-task';
}

export interface ParsedDaskOptions {
  scheduler: string;
  sharedPath: string;
  partitions: number;
  /** Undefined for what the workers have. */
  workerMemoryBytes: number | undefined;
  localWorkers: number;
  retries: number;
  python: string;
  node: string;
  isPerTask: boolean;
  /** What the coordinator's own part of the job, and its listeners, get. */
  run: SharedRunOptions;
}

const OWN = [
  'scheduler',
  'sharedPath',
  'partitions',
  'workerMemory',
  'localWorkers',
  'retries',
  'python',
  'node',
  'nodes',
] as const;
const REFUSED = ['inputEnds', 'resumeDirectory'] as const;
const ADDRESS = /^(local|(tcp|tls|ws|wss|ucx|inproc):\/\/[^\s/]+|[^\s/:]+:\d+)$/;
const MOST_PARTITIONS = 1_000_000;

/** @throws ERR_OPTIONS naming the option, what was given and what is taken */
export function parseDaskOptions(options: DaskOptions): ParsedDaskOptions {
  const run: Record<string, unknown> = { ...options };
  for (const name of OWN) delete run[name];
  for (const name of REFUSED)
    if (name in run) throw refused(name, 'is not an option of runOnDask', 'none: the job goes on by resume alone');
  parseRunOptions(run as RunOptions);
  const { scheduler, nodes = 'kept', workerMemory } = options;
  const { sharedPath = scheduler === 'local' ? tmpdir() : undefined } = options;
  if (typeof scheduler !== 'string' || !ADDRESS.test(scheduler))
    throw refused('scheduler', `is ${JSON.stringify(scheduler)}`, "tcp://HOST:PORT, or 'local'");
  if (nodes !== 'kept' && nodes !== 'per-task')
    throw refused('nodes', `is ${JSON.stringify(nodes)}`, "'kept' or 'per-task'");
  return {
    scheduler,
    sharedPath: resolve(text('sharedPath', sharedPath)),
    partitions: whole('partitions', options.partitions ?? 16, 1, MOST_PARTITIONS),
    workerMemoryBytes: workerMemory === undefined ? undefined : parseBytes(workerMemory, 'workerMemory'),
    localWorkers: whole('localWorkers', options.localWorkers ?? 2, 1, 256),
    retries: whole('retries', options.retries ?? 4, 0, 1000),
    python: text('python', options.python ?? process.env.SPILLWAY_PYTHON ?? 'python3'),
    node: text('node', options.node ?? process.env.SPILLWAY_NODE ?? 'node'),
    isPerTask: nodes === 'per-task',
    run,
  };
}

function text(option: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw refused(option, `is ${JSON.stringify(value)}`, 'a text that is not empty');
}

function whole(option: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw refused(option, `is ${String(value)}`, `a whole number from ${least} to ${most}`);
}

function refused(option: string, what: string, expected: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `option ${option} ${what}`, { expected, hint: `give ${expected}` });
}
