/**
 * Footers that are asked for again. By a thread that reads a file a row group at a time: taking a footer apart costs in proportion to its row groups, so that
 * doing it for each of them grows with their square; what is kept is held weakly there, so that whoever reads a file keeps its footer, nobody else
 * does. And by plans, which look at every file of a dataset.
 */
import { KeptReadings, stampOf } from './kept-readings.ts';
import { type ParquetInfo, readParquetInfo, readParquetInfoNow } from './parquet-info.ts';

/** Files whose footers may be there. */
const MOST_FILES = 64;

interface KeptFooter {
  /** Which state of the file it is of. */
  stamp: string;
  reading: Promise<ParquetInfo> | undefined;
  info: WeakRef<ParquetInfo> | undefined;
}

const kept: Map<string, KeptFooter> = new Map();

/** As `readParquetInfoNow`, without reading the file again while it has not changed and somebody still has its footer. */
export async function parquetFooter(path: string): Promise<ParquetInfo> {
  const stamp = stampOf(path);
  if (stamp === undefined) return readParquetInfoNow(path);
  const known = kept.get(path);
  const there = known?.stamp === stamp.text ? (known.info?.deref() ?? known.reading) : undefined;
  return there ?? readAndKeep(path, stamp.text);
}

async function readAndKeep(path: string, stamp: string): Promise<ParquetInfo> {
  const reading = readParquetInfoNow(path);
  const footer: KeptFooter = { stamp, reading, info: undefined };
  kept.delete(path);
  kept.set(path, footer);
  if (kept.size > MOST_FILES) kept.delete(kept.keys().next().value as string);
  try {
    const info = await reading;
    footer.info = new WeakRef(info);
    return info;
  } catch (error) {
    if (kept.get(path) === footer) kept.delete(path);
    throw error;
  } finally {
    footer.reading = undefined;
  }
}

/** Of the footers that plans have asked for. */
const MOST_PLANNED_BYTES = 4 * 2 ** 20;
/** About what a file, and each chunk of a column in it, take on the heap. */
const FILE_BYTES = 1024;
const CHUNK_BYTES = 256;

const planned: KeptReadings<ParquetInfo> = new KeptReadings(MOST_PLANNED_BYTES);

/** As `readParquetInfo`, without reading again what has not changed since an earlier plan. Shared: nobody changes it. */
export function plannedFooter(path: string): Promise<ParquetInfo> {
  return planned.get(
    path,
    () => readParquetInfo(path),
    ({ rowGroups, leaves }) => FILE_BYTES + CHUNK_BYTES * leaves.length * (rowGroups.length + 1),
  );
}
