/** Options of `run`, checked before anything starts. */
import { availableParallelism } from 'node:os';
import { PipelineError, parseBytes } from '@spillway/core/base';
import { nearestName } from '@spillway/core/words';
import { type AlertOptions, type ParsedAlertOptions, parseAlertOptions } from '../alerts/alert-options.ts';
import type { Progress } from '../monitor/progress.ts';
import type { DeadLetter } from './dead-letter.ts';
import { milliseconds, refused } from './option-values.ts';

/** Options of `run`. */
export interface RunOptions {
  /** Most lanes of one stage, and threads for library codecs. Default: the cores that this process may use. */
  workers?: number;
  /** Hard total, in bytes or as text (`'256MiB'`). Default: the pipeline's own `memoryLimit`. */
  memoryLimit?: number | string;
  /** Stops the job; `job.done` then rejects with ERR_ABORTED. */
  signal?: AbortSignal;
  /** Called every `progressEvery` while the job runs and once at its end. */
  onProgress?: (progress: Progress) => void;
  /** Default 200 ms. */
  progressEvery?: number | string;
  /** A stage that takes no row for so long while it has something to wait for is named by an `alert`. Default 60 s. */
  stallTimeout?: number | string;
  /** Thresholds of the rules that raise alerts, and who is told of them beside `job.on('alert')`. */
  alerts?: AlertOptions;
  /** Part of the machine's memory that may be in use, by anybody, before the job flushes and waits. Default 0.8. */
  maxSystemMemory?: number;
  /** Refuse plans whose answer depends on timing. */
  deterministic?: boolean;
  /** Check after the job that every slab was given back, and fail if not. */
  debug?: boolean;
  /** Catch SIGINT and SIGTERM while the job runs and stop it; the process then ends with exit code 130. For programs, not for libraries. */
  handleSignals?: boolean;
  /** Folder in which stages that hold more than their share put a folder of their own while the job runs. Default: the system's. */
  spillDirectory?: string;
  /** Most bytes on disk at once, over all stages. Default: what the disk has room for. */
  spillLimit?: number | string;
  /**
   * How often the job may go on after one of its stage workers has died: with fresh threads, nothing lost and nothing twice. Default 10; 0 fails
   * the job at the first death.
   */
  restarts?: number;
  /**
   * What is done about a batch of a source that kills its worker three times: `fail` (default) fails the job naming the batch; a function gets
   * the batch, and the job goes on without it. What it returns is awaited; when it throws, the job fails.
   */
  onPoisonBatch?: 'fail' | ((letter: DeadLetter) => void | Promise<void>);
  /**
   * How often everything is brought to a state that the job can go on from after the death of a worker. Default 5 s. What it costs is bounded:
   * a twentieth of the time. Given, it also keeps joins on one lane each, where lanes could share them: what lanes share cannot be saved.
   */
  barrierEvery?: number | string;
  /**
   * Names the job, so that another process can go on with it: after a crash, or, with `inputEnds: 'more'`, when there is more input. Rows become
   * visible in stores at every checkpoint; without `resume` once, at the end.
   */
  resume?: string;
  /**
   * What the end of input means to a run with `resume`. `more`: open bins, windows and left-overs are kept for the next run. `final` (default):
   * everything is flushed, and nothing can follow.
   */
  inputEnds?: 'more' | 'final';
  /** How often a run with `resume` writes a checkpoint. Default 60 s. */
  checkpointEvery?: number | string;
  /** Folder of the checkpoints. Default: `_resume` in the first store that the plan writes. */
  resumeDirectory?: string;
  /**
   * Folder in which the run leaves its record, for `spillway runs`, `spillway report` and the advice that takes earlier runs into account; `false`
   * for none. Default: what the environment variable `SPILLWAY_HISTORY` says (a folder, or `off`), else `spillway/runs` in the user's state folder.
   */
  history?: false | string;
}

/** The same with defaults, sizes in bytes and durations in milliseconds. */
export interface ParsedRunOptions {
  workers: number;
  memoryLimitBytes: number | undefined;
  signal: AbortSignal | undefined;
  onProgress: ((progress: Progress) => void) | undefined;
  progressEveryMs: number;
  stallTimeoutMs: number;
  /** Undefined where nothing was said of them: they are then for those who listen. */
  alerts: ParsedAlertOptions | undefined;
  maxSystemMemory: number;
  deterministic: boolean;
  debug: boolean;
  handleSignals: boolean;
  /** Undefined for the system's folder for temporary files. */
  spillDirectory: string | undefined;
  /** Infinity for no limit. */
  spillLimitBytes: number;
  restarts: number;
  onPoisonBatch: ((letter: DeadLetter) => void | Promise<void>) | undefined;
  barrierEveryMs: number;
  /** Barriers were asked for: nothing may be planned so that it cannot be saved. */
  keepsBarriers: boolean;
  resume: { id: string; inputEnds: 'more' | 'final'; directory: string | undefined } | undefined;
  checkpointEveryMs: number;
  history: false | string | undefined;
  /** Where the sources have at most so many bytes, lanes and codecs run on the thread that plans; 0 for never. */
  ownThreadBytes: number;
}

const KNOWN: ReadonlySet<string> = new Set<keyof RunOptions>([
  'workers',
  'memoryLimit',
  'signal',
  'onProgress',
  'progressEvery',
  'stallTimeout',
  'alerts',
  'maxSystemMemory',
  'deterministic',
  'debug',
  'handleSignals',
  'spillDirectory',
  'spillLimit',
  'restarts',
  'barrierEvery',
  'onPoisonBatch',
  'resume',
  'inputEnds',
  'checkpointEvery',
  'resumeDirectory',
  'history',
]);

const DEFAULT_RESTARTS = 10;
/** It becomes a name of files. */
const RESUME_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** More lanes than this never help on one machine, and each costs an isolate. */
const MOST_WORKERS = 256;

function unknownOption(name: string): PipelineError {
  const known = [...KNOWN];
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? `its options are ${known.join(', ')}` : `did you mean "${nearest}"?`;
  return new PipelineError('ERR_OPTIONS', `run has no option "${name}"`, { hint });
}

/** @throws ERR_OPTIONS naming the option, what was given and what is taken */
export function parseRunOptions(options: RunOptions): ParsedRunOptions {
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw unknownOption(name);
  }
  const { workers = availableParallelism() } = options;
  if (!Number.isInteger(workers) || workers < 1 || workers > MOST_WORKERS)
    throw refused('workers', `is ${String(workers)}`, `a whole number from 1 to ${MOST_WORKERS}`);
  if (options.onProgress !== undefined && typeof options.onProgress !== 'function')
    throw refused('onProgress', 'is not a function', 'a function');
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal))
    throw refused('signal', 'is not an AbortSignal', 'an AbortSignal');
  const { spillDirectory } = options;
  if (spillDirectory !== undefined && (typeof spillDirectory !== 'string' || spillDirectory === ''))
    throw refused('spillDirectory', `is ${JSON.stringify(spillDirectory)}`, 'the path of a folder');
  return {
    workers,
    memoryLimitBytes: options.memoryLimit === undefined ? undefined : parseBytes(options.memoryLimit, 'memoryLimit'),
    signal: options.signal,
    onProgress: options.onProgress,
    progressEveryMs: milliseconds(options.progressEvery ?? 200, 'progressEvery'),
    maxSystemMemory: systemPart(options.maxSystemMemory ?? 0.8),
    stallTimeoutMs: milliseconds(options.stallTimeout ?? 60_000, 'stallTimeout'),
    alerts: options.alerts === undefined ? undefined : parseAlertOptions(options.alerts),
    deterministic: options.deterministic ?? false,
    debug: options.debug ?? false,
    handleSignals: options.handleSignals ?? false,
    spillDirectory: options.spillDirectory,
    restarts: restartsOf(options.restarts ?? DEFAULT_RESTARTS),
    onPoisonBatch: poisonOf(options.onPoisonBatch ?? 'fail'),
    barrierEveryMs: milliseconds(options.barrierEvery ?? 5000, 'barrierEvery'),
    keepsBarriers: options.barrierEvery !== undefined || options.resume !== undefined,
    resume: resumeOf(options),
    history: historyOf(options.history),
    ownThreadBytes: 0,
    checkpointEveryMs: milliseconds(options.checkpointEvery ?? 60_000, 'checkpointEvery'),
    spillLimitBytes: options.spillLimit === undefined ? Infinity : parseBytes(options.spillLimit, 'spillLimit'),
  };
}

function resumeOf({ resume, inputEnds, resumeDirectory }: RunOptions): ParsedRunOptions['resume'] {
  if (inputEnds !== undefined && inputEnds !== 'more' && inputEnds !== 'final')
    throw refused('inputEnds', `is ${JSON.stringify(inputEnds)}`, "'more' or 'final'");
  if (resumeDirectory !== undefined && (typeof resumeDirectory !== 'string' || resumeDirectory === ''))
    throw refused('resumeDirectory', `is ${JSON.stringify(resumeDirectory)}`, 'the path of a folder');
  if (resume === undefined) {
    if (inputEnds === 'more')
      throw refused('inputEnds', 'is given without resume', 'a resume id to keep what is open under');
    return undefined;
  }
  if (typeof resume !== 'string' || !RESUME_ID.test(resume))
    throw refused(
      'resume',
      `is ${JSON.stringify(resume)}`,
      'a name of letters, digits, dots, - and _, up to 100 of them',
    );
  return { id: resume, inputEnds: inputEnds ?? 'final', directory: resumeDirectory };
}

function historyOf(value: RunOptions['history']): ParsedRunOptions['history'] {
  if (value === undefined || value === false || (typeof value === 'string' && value !== '')) return value;
  throw refused('history', `is ${JSON.stringify(value)}`, 'false, or the path of a folder');
}

function poisonOf(value: NonNullable<RunOptions['onPoisonBatch']>): ParsedRunOptions['onPoisonBatch'] {
  if (value === 'fail') return undefined;
  if (typeof value === 'function') return value;
  throw refused('onPoisonBatch', `is ${String(value)}`, "'fail' or a function");
}

function restartsOf(value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw refused('restarts', `is ${String(value)}`, 'a whole number from 0 on');
}

function systemPart(value: number): number {
  if (typeof value === 'number' && value > 0 && value <= 1) return value;
  throw refused('maxSystemMemory', `is ${String(value)}`, 'a number above 0 and up to 1');
}
