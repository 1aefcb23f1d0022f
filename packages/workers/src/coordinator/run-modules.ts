/** What a run needs once its threads start. Loaded meanwhile: the main thread has nothing else to do then. */
export { MainHeap } from '../governor/main-heap.ts';
export { JobMonitor } from '../monitor/job-monitor.ts';
export { Attempt } from './attempt.ts';
export { BadRowReports } from './bad-rows.ts';
export { describeBatch } from './replay.ts';
export { RunBarriers } from './run-barriers.ts';
export { RunEnds } from './run-ends.ts';
export { loadDelivery, openWriters } from './run-parts.ts';
export { emptySpillPlace, openSpillPlace, spillPlace } from './spill-place.ts';
export { commitWriters, discardWriters } from './written-sinks.ts';
