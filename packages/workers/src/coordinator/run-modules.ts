/** What a run needs once its threads start. Loaded meanwhile: the main thread has nothing else to do then. */
export { JobMonitor } from '../monitor/job-monitor.ts';
export { JobReadings } from '../monitor/readings.ts';
export { LaneHandle } from './lane-handle.ts';
export { loadDelivery, openWriters, startFeeders, startMainSinks, startReaders, startWriters } from './run-parts.ts';
export { spillPlace } from './spill-place.ts';
export { SplitOrder } from './split-order.ts';
export { wireRun } from './wiring.ts';
