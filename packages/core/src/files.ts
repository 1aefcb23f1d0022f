/** Reading and writing files on codec threads, and committing what sinks wrote. No promise of stability. */
export { makeFolder, syncFolder } from './formats/durable-file.ts';
export { readParquetRows } from './formats/parquet-reader.ts';
export type { ValueRange } from './formats/parquet-request.ts';
export { parseChecksums } from './store/files/checksum-text.ts';
export { Handoff } from './store/files/handoff.ts';
export { linkIfAbsent } from './store/log/commit-file.ts';
export { checkpointVersion } from './store/log/log-maintenance.ts';
export { mergeStaged } from './store/merge/merge-files.ts';
export { RESUME_FOLDER } from './store/open-store.ts';
export { stageForeign } from './store/read/foreign-files.ts';
export { openFileSink } from './store/sinks/file-sink.ts';
export { holdStaging } from './store/sinks/held-staging.ts';
export {
  checkFileSink,
  commitEpoch,
  commitSink,
  cutBackSink,
  discardSink,
  folderBefore,
  stagingPath,
} from './store/sinks/sink-commit.ts';
