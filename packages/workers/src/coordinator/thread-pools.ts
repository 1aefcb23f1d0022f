/**
 * Warm threads. A pool serves one run at a time and goes back to the registry when the run has ended, so that the next
 * run starts without starting threads. Idle pools do not keep the process alive. A pool in which a thread has died is
 * thrown away, never reused.
 *
 * The number of threads is exact: a lane is one task that lasts for the whole run, so a task that found no free
 * thread would wait for ever. (`maxQueue: 0`, which would refuse it, crashes piscina 5.3.2; we count ourselves.)
 */
import assert from 'node:assert';
import { fileURLToPath } from 'node:url';
import type { Transferable } from 'node:worker_threads';
import type { ArenaHandle, StageSpec } from '@spillway/core/internal';
import type { MemorySplit } from '@spillway/core/planner';
import type { Piscina } from 'piscina';
import type { CodecTask } from '../codecs/protocol.ts';
import type { LaneTask } from '../lanes/protocol.ts';

/**
 * `lanes`: one long task a thread. `blocking`: the same for stages of ops that block. `codecs`: many tasks a thread, which
 * only ever await.
 */
export type PoolKind = 'lanes' | 'blocking' | 'codecs';

export interface PoolRequest {
  kind: PoolKind;
  threads: number;
  /** Cap of each thread's JavaScript heap. */
  heapLimitMebibytes: number;
  /** Part of the heap where objects begin; it follows from the cap. */
  nurseryMebibytes: number;
  arena: ArenaHandle;
}

/** What every thread of a pool gets at its start. */
export interface ThreadData {
  arena: ArenaHandle;
}

/** What runs the tasks of a pool. */
export interface TaskRunner {
  /** Those that it has started. */
  readonly threads: readonly unknown[];
  run(task: LaneTask | CodecTask, options?: { transferList?: Transferable[] }): Promise<unknown>;
  /** Ends what it runs. */
  destroy(): Promise<void>;
}

export interface ThreadPool {
  readonly kind: PoolKind;
  readonly threads: number;
  readonly heapLimitMebibytes: number;
  readonly runner: TaskRunner;
  /** Every thread has done a task: nothing is left to be loaded. */
  isWarm: boolean;
  /** Its tasks run on the thread that plans; it serves one run. */
  isOwnThread?: true;
}

const ENTRY_OF_KIND: Record<PoolKind, string> = {
  lanes: fileURLToPath(new URL('./stage-thread.cjs', import.meta.url)),
  blocking: fileURLToPath(new URL('./stage-thread.cjs', import.meta.url)),
  codecs: fileURLToPath(new URL('./codec-thread.cjs', import.meta.url)),
};

/** More tasks than any run has sinks and readers: a task in a codec pool must never queue behind another. */
const TASKS_PER_CODEC_THREAD = 256;

/**
 * New objects of a thread. V8 would let it grow to 48 MiB a thread, run by run; what lanes make dies at once, so that more
 * frequent scavenges cost little.
 */
const YOUNG_GENERATION_MEBIBYTES = 12;

/** Pools kept when idle; the oldest goes first. */
const IDLE_POOLS_KEPT = 4;

const idlePools: ThreadPool[] = [];
let piscinaModule: Promise<{ Piscina: typeof Piscina }> | undefined;

/** Starts loading piscina, so that it is there when planning ends. */
export function preloadPiscina(): Promise<{ Piscina: typeof Piscina }> {
  piscinaModule ??= import('piscina');
  return piscinaModule;
}

async function makePool(request: PoolRequest): Promise<ThreadPool> {
  const { Piscina: Pool } = await preloadPiscina();
  const workerData: ThreadData = { arena: request.arena };
  const piscina = new Pool({
    filename: ENTRY_OF_KIND[request.kind],
    minThreads: request.threads,
    maxThreads: request.threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    // With atomics piscina blocks the thread between tasks, and no port or timer of ours would be answered.
    atomics: 'disabled',
    recordTiming: false,
    concurrentTasksPerWorker: request.kind === 'codecs' ? TASKS_PER_CODEC_THREAD : 1,
    resourceLimits: {
      maxOldGenerationSizeMb: request.heapLimitMebibytes,
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MEBIBYTES,
    },
    workerData,
  });
  // A thread that fails with no task at hand: the next task on this pool fails, nothing else is lost.
  piscina.on('error', () => {});
  const { kind, threads, heapLimitMebibytes } = request;
  return { kind, threads, heapLimitMebibytes, runner: piscina, isWarm: false };
}

/** A pool of exactly the threads asked for: an idle one where one fits, else a new one. */
async function checkOutPool(request: PoolRequest): Promise<ThreadPool> {
  assert(request.threads > 0, 'a pool has at least one thread');
  const index = idlePools.findIndex(
    (pool) =>
      pool.kind === request.kind &&
      pool.threads === request.threads &&
      pool.heapLimitMebibytes === request.heapLimitMebibytes,
  );
  if (index >= 0) return idlePools.splice(index, 1)[0] as ThreadPool;
  return makePool(request);
}

/** Threads of one kind; undefined where none are needed. */
export async function takePool(
  kind: PoolKind,
  threads: number,
  { heapLimitMebibytes, nurseryMebibytes }: MemorySplit,
  arena: ArenaHandle,
): Promise<ThreadPool | undefined> {
  return threads === 0 ? undefined : checkOutPool({ kind, threads, heapLimitMebibytes, nurseryMebibytes, arena });
}

/** Gives a pool back after a run in which no thread died and no task is left. */
export async function returnPool(pool: ThreadPool): Promise<void> {
  if (pool.isOwnThread) return;
  idlePools.push(pool);
  const surplus = idlePools.length > IDLE_POOLS_KEPT ? idlePools.shift() : undefined;
  if (surplus !== undefined) await discardPool(surplus);
}

/** Ends the threads of a pool, whatever they are doing. */
export async function discardPool(pool: ThreadPool): Promise<void> {
  await pool.runner.destroy();
}

/** Ends all idle threads of the process. For tests and for programs that want their memory back. */
export async function closeIdlePools(): Promise<void> {
  await Promise.all(idlePools.splice(0).map(discardPool));
}

/** Threads that idle pools hold now. */
export function idleThreads(): number {
  return idlePools.reduce((sum, pool) => sum + pool.threads, 0);
}

/** The pool whose threads run a stage: ops that block have one of their own. */
export function lanePoolKind(stage: StageSpec): PoolKind {
  return stage.blocking ? 'blocking' : 'lanes';
}
