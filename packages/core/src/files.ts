/** Reading and writing files on codec threads, and committing what sinks wrote. No promise of stability. */
export { makeFolder, syncFolder } from './formats/durable-file.ts';
export { readParquetRows } from './formats/parquet-reader.ts';
export { parseChecksums } from './store/checksum-text.ts';
export { linkIfAbsent } from './store/delta-log.ts';
export { openFileSink } from './store/file-sink.ts';
export { stageForeign } from './store/foreign-files.ts';
export { holdStaging } from './store/held-staging.ts';
export { checkpointVersion } from './store/log-maintenance.ts';
export { mergeStaged } from './store/merge-files.ts';
export { RESUME_FOLDER } from './store/open-store.ts';
export { checkFileSink, commitEpoch, commitSink, cutBackSink, discardSink, stagingPath } from './store/sink-commit.ts';
