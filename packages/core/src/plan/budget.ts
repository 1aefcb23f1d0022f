/**
 * How a run's `memoryLimit` is split at its start. Promise P1 is about what is resident, not about what is counted, so
 * everything that grows when a run works has a term here, also what no allocator of ours sees:
 *
 *     memoryLimit = PROCESS_BYTES                              the main thread's heap, buffers of the runtime
 *                 + COMPILER_BYTES                             where Parquet is read or written: the runtime compiles the
 *                                                              library while it runs, and keeps what that needed
 *                 + codec threads × CODEC_BYTES                an instance of the library, with what it decodes
 *                 + codec threads × 2 × largest row group      its bytes on disk: as read, and in the library; of a dataset that
 *                                                              rows are merged into also its decoded bytes
 *                 + lanes × LANE_BYTES                         a lane's heap and the code of its kernels
 *                 + lanes with code of users × USER_BYTES      their heap and array buffers (see `heap-watch.ts`)
 *                 + main thread                                what is delivered and fed there (see `main-thread.ts`)
 *                 + arena                                      all the rest: slabs
 *
 * The figures are measured (`npm run bench:memory`): a run at its minimum keeps the promise. What is resident before the
 * first row is read is not in here: that is the idle size. What the arena needs at least is in `minimum.ts`.
 */
import type { ParquetInfo } from '../formats/parquet-info.ts';
import { collects, leastMainBytes, leastResultBytes } from './main-thread.ts';
import type { PhysicalPlan, StageSpec } from './physical.ts';
import type { ResolvedPlan } from './resolved.ts';

const MEBIBYTE = 2 ** 20;

const PROCESS_BYTES = 8 * MEBIBYTE;
const COMPILER_BYTES = 24 * MEBIBYTE;
const CODEC_BYTES = 42 * MEBIBYTE;
const LANE_BYTES = 4 * MEBIBYTE;
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

/** Largest row group on disk, of the columns that are read. */
function largestRowGroup(files: readonly ParquetInfo[], columns: ReadonlySet<string>): number {
  const sizes = files.flatMap((file) =>
    file.rowGroups.map((group) =>
      group.chunks.reduce((sum, chunk) => sum + (columns.has(chunk.column) ? chunk.bytes : 0), 0),
    ),
  );
  return sizes.reduce((largest, bytes) => Math.max(largest, bytes), 0);
}

/** One codec thread: readers and writers take turns on it. 0 when the plan has neither. */
function codecThreadBytes(plan: ResolvedPlan): number {
  let bytes = 0;
  for (const node of plan.nodes) {
    const { spec, files } = node;
    if (files !== undefined) {
      const columns = new Set((node.outputFields['out'] ?? []).map((field) => field.name));
      bytes = Math.max(bytes, CODEC_BYTES + 2 * largestRowGroup(files, columns));
    }
    if (spec.kind === 'sink' && (spec.sink.type === 'file' || spec.sink.type === 'store'))
      bytes = Math.max(bytes, CODEC_BYTES + (node.storedGroupBytes ?? 0));
  }
  return bytes;
}

/** What a run takes outside the arena, with one codec thread and the least for users: part of the minimum. */
export function outsideTerms(plan: ResolvedPlan, stages: readonly StageSpec[]): OutsideTerms {
  const codec = codecThreadBytes(plan);
  return {
    processBytes: PROCESS_BYTES,
    codecBytes: codec === 0 ? 0 : COMPILER_BYTES + codec,
    laneBytes: lanesOf(stages) * LANE_BYTES,
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
  const codec = codecThreadBytes(plan);
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
