/**
 * Footers of files that a thread reads a row group at a time. Taking one apart costs in proportion to its row groups, so that doing it for each of them
 * grows with their square. What is kept is held weakly: whoever reads a file keeps its footer there, nobody else does.
 */
import { type BigIntStats, statSync } from 'node:fs';
import { type ParquetInfo, readParquetInfoNow } from './parquet-info.ts';

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
  const there = known?.stamp === stamp ? (known.info?.deref() ?? known.reading) : undefined;
  return there ?? readAndKeep(path, stamp);
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

/** Undefined where the file cannot be looked at: reading it says why. */
function stampOf(path: string): string | undefined {
  let found: BigIntStats | undefined;
  try {
    found = statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
  return found && `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`;
}
