/**
 * How a run's `memoryLimit` is split at its start. Promise P1 is about what is resident, not about what is counted, so
 * everything that grows when a run works has a term here, also what no allocator of ours sees:
 *
 *     memoryLimit = PROCESS_BYTES                              the main thread's heap, buffers of the runtime
 *                 + codec threads × codec bytes                a thread's heap and buffers, pages and batches of the row groups that
 *                                                              it reads, what writers gather and hold (see `codec-memory.ts`)
 *                 + where the library is needed                COMPILER_BYTES once, since the runtime compiles it while it runs; for
 *                                                              each codec thread LIBRARY_BYTES and an encoded row group twice
 *                 + lanes × LANE_BYTES                         a lane's heap and the code of its kernels; where it reads row groups, what a
 *                                                              codec thread would need for that
 *                 + lanes with code of users × USER_BYTES      their heap and array buffers (see `heap-watch.ts`)
 *                 + main thread                                what is delivered and fed there (see `main-thread.ts`)
 *                 + arena                                      all the rest: slabs
 *
 * The figures are measured (`npm run bench:memory`): a run at its minimum keeps the promise. What is resident before the
 * first row is read is not in here: that is the idle size. What the arena needs at least is in `minimum.ts`.
 */
import { ENCODER_BYTES } from '../formats/parquet-encode/encoder-sizes.ts';
import { collects, leastMainBytes, leastResultBytes } from './main-thread.ts';
import type { PhysicalPlan, StageInput, StageSpec } from './physical.ts';
import type { CodecNeeds, ResolvedPlan } from './resolved.ts';

const MEBIBYTE = 2 ** 20;

const PROCESS_BYTES = 8 * MEBIBYTE;
const COMPILER_BYTES = 24 * MEBIBYTE;
const CODEC_BYTES = 5 * MEBIBYTE;
const LIBRARY_BYTES = 36 * MEBIBYTE;
/** What the first instance of the library adds to a process. */
export const WHOLE_LIBRARY_BYTES: number = COMPILER_BYTES + LIBRARY_BYTES;
const LANE_BYTES = 4 * MEBIBYTE;
/** Of a lane that reads row groups: code of the kernels over its pages. */
const READER_BYTES = 2 * MEBIBYTE;
const USER_BYTES = 6 * MEBIBYTE;
/** Lanes with code of users share this part of what is above the minimum, for objects and buffers of their own. */
const USER_SHARE = 1 / 4;
/** The same for what passes through the main thread, and for what `collect` keeps there. */
const MAIN_SHARE = 1 / 8;
const COLLECT_SHARE = 1 / 2;

/** User code gets some heap at any limit, and no thread more than this. */
const LEAST_HEAP_MEBIBYTES = 64;
const MOST_HEAP_MEBIBYTES = 512;
/** A small nursery keeps dead array buffers few: the collector looks at it when they pass two thirds of its size. */
const LEAST_NURSERY_MEBIBYTES = 3;

/** What is not the arena's, in bytes. */
export interface OutsideTerms {
  processBytes: number;
  /** Instances of the library for one thread, and what the compiler holds. */
  codecBytes: number;
  laneBytes: number;
  userBytes: number;
  /** What is delivered and fed on the main thread. */
  mainBytes: number;
}

/** A memory limit, split. */
export interface MemorySplit extends OutsideTerms {
  /** What the main thread needs at least of its part, beside room for results. */
  leastMainBytes: number;
  arenaBytes: number;
  /** 0 when nothing is read from or written to files. */
  codecThreads: number;
  /** Heap and array buffers that the code of users may take in each lane. */
  userBytesEach: number;
  /** Cap of each thread's JavaScript heap: a power of two, so that runs with similar limits share warm threads. */
  heapLimitMebibytes: number;
  /** Part of the heap where objects begin. */
  nurseryMebibytes: number;
}

/** Whether ops, folds or sources of users run in the stage's lanes. */
export function hasUserCode({ input, operators }: StageSpec): boolean {
  const isMade = input.kind === 'splits' && input.source.type === 'generated';
  return isMade || operators.some(({ spec }) => spec.kind === 'op' || spec.kind === 'memoryAccumulate');
}

function lanesOf(stages: readonly StageSpec[]): number {
  return stages.reduce((sum, stage) => sum + stage.lanes, 0);
}

/** Whether lanes read row groups that we wrote: their pages lie in the arena. */
export function readsInArena(input: StageInput): boolean {
  return input.kind === 'splits' && input.source.type === 'parquet' && input.source.stored !== undefined;
}

/** What lanes need outside the arena that read row groups themselves. */
function readingBytes({ nodes }: ResolvedPlan, stages: readonly StageSpec[]): number {
  return stages.reduce((sum, { input, lanes }) => {
    if (input.kind !== 'splits' || input.source.type !== 'parquet') return sum;
    const node = nodes.find(({ id }) => id === input.node);
    return sum + lanes * (READER_BYTES + (readsInArena(input) ? 0 : (node?.codec?.readBytes ?? 0)));
  }, 0);
}

/** One codec thread: readers and writers take turns on it. 0 when the plan has neither, or lanes read. */
function codecThreadBytes(plan: ResolvedPlan, stages: readonly StageSpec[]): number {
  const inLanes = new Set(stages.map(({ input }) => (input.kind === 'splits' ? input.node : -1)));
  const needs = plan.nodes.flatMap(({ id, codec }) => (inLanes.has(id) ? [] : (codec ?? [])));
  if (needs.length === 0) return 0;
  const sum = (of: (each: CodecNeeds) => number): number => needs.reduce((total, each) => total + of(each), 0);
  const most = (of: (each: CodecNeeds) => number): number => Math.max(...needs.map(of));
  const encoder = needs.some(({ encodes }) => encodes) ? ENCODER_BYTES : 0;
  // Merging comes when everything has been read and written.
  const atWork = sum(({ readBytes, writeBytes }) => readBytes + writeBytes);
  const own =
    CODEC_BYTES +
    encoder +
    Math.max(
      atWork,
      most(({ mergeBytes, writeBytes }) => mergeBytes + writeBytes),
    );
  const isLibrary = needs.some(({ libraryBytes }) => libraryBytes !== undefined);
  return own + (isLibrary ? LIBRARY_BYTES + most(({ libraryBytes = 0 }) => libraryBytes) : 0);
}

/** What compiling the library takes, where it is needed. */
function compilerBytes(plan: ResolvedPlan): number {
  return plan.nodes.some(({ codec }) => codec?.libraryBytes !== undefined) ? COMPILER_BYTES : 0;
}

/** What a run takes outside the arena, with one codec thread and the least for users: part of the minimum. */
export function outsideTerms(plan: ResolvedPlan, stages: readonly StageSpec[]): OutsideTerms {
  const codec = codecThreadBytes(plan, stages);
  return {
    processBytes: PROCESS_BYTES,
    codecBytes: compilerBytes(plan) + codec,
    laneBytes: lanesOf(stages) * LANE_BYTES + readingBytes(plan, stages),
    userBytes: lanesOf(stages.filter(hasUserCode)) * USER_BYTES,
    mainBytes: leastMainBytes(plan),
  };
}

/** The split that a run starts with. `plan` was admitted: its limit is at least its minimum. */
export function splitMemory(
  plan: ResolvedPlan,
  physical: Pick<PhysicalPlan, 'stages' | 'memoryLimitBytes' | 'minimumBytes' | 'workers'>,
): MemorySplit {
  const { memoryLimitBytes, minimumBytes, workers, stages } = physical;
  const least = outsideTerms(plan, stages);
  const codec = codecThreadBytes(plan, stages);
  const freeBytes = Math.max(0, memoryLimitBytes - minimumBytes);
  // Each further codec thread takes its memory, and leaves as much to the arena.
  const further = codec === 0 ? 0 : Math.min(workers - 1, Math.floor(freeBytes / (2 * codec)));
  const userLanes = lanesOf(stages.filter(hasUserCode));
  const restBytes = freeBytes - further * codec;
  const userBytes = userLanes === 0 ? 0 : least.userBytes + restBytes * USER_SHARE;
  const mainShare = collects(plan) ? COLLECT_SHARE : MAIN_SHARE;
  const mainBytes = least.mainBytes === 0 ? 0 : Math.floor(least.mainBytes + restBytes * mainShare);
  const codecBytes = least.codecBytes + further * codec;
  const heapShare = memoryLimitBytes / 2 / workers / MEBIBYTE;
  const heapLimitMebibytes =
    2 ** Math.ceil(Math.log2(Math.min(Math.max(heapShare, LEAST_HEAP_MEBIBYTES), MOST_HEAP_MEBIBYTES)));
  return {
    processBytes: least.processBytes,
    codecBytes,
    laneBytes: least.laneBytes,
    userBytes,
    mainBytes,
    leastMainBytes: least.mainBytes - leastResultBytes(plan),
    arenaBytes: Math.floor(
      memoryLimitBytes - least.processBytes - codecBytes - least.laneBytes - userBytes - mainBytes,
    ),
    codecThreads: codec === 0 ? 0 : 1 + further,
    userBytesEach: userLanes === 0 ? 0 : Math.floor(userBytes / userLanes),
    heapLimitMebibytes,
    nurseryMebibytes: (LEAST_NURSERY_MEBIBYTES * heapLimitMebibytes) / LEAST_HEAP_MEBIBYTES,
  };
}
