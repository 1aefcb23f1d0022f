/** How a run's memory limit is split at its start: codecs' own memory and the lanes' heaps first, the arena gets the rest. */
import type { PhysicalPlan } from '@spillway/core/internal';

const MEBIBYTE = 1024 * 1024;

/** What one instance of the Parquet library holds while it works, measured; each codec thread has one. */
const CODEC_BYTES = 28 * MEBIBYTE;
/** Growth of a lane's heap and kernels while it works. */
const LANE_BYTES = 2 * MEBIBYTE;
/** User code gets some heap at any limit, and no lane more than this. */
const LEAST_HEAP_MEBIBYTES = 64;
const MOST_HEAP_MEBIBYTES = 512;

export interface MemorySplit {
  arenaBytes: number;
  /** 0 when nothing is read from or written to files. */
  codecThreads: number;
  /** Cap of each thread's JavaScript heap: a power of two, so that runs with similar limits share warm threads. */
  heapLimitMebibytes: number;
}

export function splitMemory(plan: PhysicalPlan): MemorySplit {
  const { memoryLimitBytes, minimumBytes, workers, edges, stages } = plan;
  const hasCodecs = edges.some((edge) => edge.producer.kind === 'reader' || edge.consumer.kind === 'writer');
  // The minimum counts one codec thread. Each further one takes its memory, and leaves as much to the arena.
  const further = Math.floor((memoryLimitBytes - minimumBytes) / (2 * CODEC_BYTES));
  const codecThreads = hasCodecs ? Math.min(workers, 1 + Math.max(0, further)) : 0;
  const lanes = stages.reduce((sum, stage) => sum + stage.lanes, 0);
  const heapShare = memoryLimitBytes / 2 / workers / MEBIBYTE;
  return {
    arenaBytes: memoryLimitBytes - codecThreads * CODEC_BYTES - lanes * LANE_BYTES,
    codecThreads,
    heapLimitMebibytes:
      2 ** Math.ceil(Math.log2(Math.min(Math.max(heapShare, LEAST_HEAP_MEBIBYTES), MOST_HEAP_MEBIBYTES))),
  };
}
