/** Spill files, for lanes whose operators can spill and the coordinator that sweeps behind them. No promise of stability. */
export { SnapshotFiles, SnapshotSource } from './operators/snapshot-files.ts';
export { sharedAccount } from './spill/disk.ts';
export { LaneSpill } from './spill/lane-spill.ts';
export { isStale, runFolder, sweepStaleFolders } from './spill/run-folder.ts';
