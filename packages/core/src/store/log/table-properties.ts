/** Properties of a table that every Delta program knows, as far as they are followed here. */
import { PipelineError } from '../../errors.ts';
import { parseDuration } from '../../schema/durations.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Commits that are read from the first on rather than from a checkpoint, whose decoder takes a while to load. */
export const FEW_COMMITS = 100;

/** Those that a write may set. */
const KNOWN: ReadonlySet<string> = new Set([
  'delta.checkpointInterval',
  'delta.logRetentionDuration',
  'delta.deletedFileRetentionDuration',
  'delta.enableExpiredLogCleanup',
  'delta.appendOnly',
]);

const UNITS: Record<string, number> = {
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: HOUR,
  day: DAY,
  week: 7 * DAY,
};

/** Milliseconds of `interval 30 days` (or `30 days`), or undefined. Months and years are not of one length. */
function intervalMs(text: string): number | undefined {
  const parts = [...text.replace(/^\s*interval\b/i, '').matchAll(/(\d+)\s*([a-z]+)/gi)];
  let total = 0;
  for (const [, count, unit] of parts) {
    const each = UNITS[(unit ?? '').toLowerCase().replace(/s$/, '')];
    if (each === undefined) return undefined;
    total += Number(count) * each;
  }
  return parts.length === 0 ? undefined : total;
}

/** What the properties say, or their defaults by the protocol. */
export interface Retention {
  /** Versions between two checkpoints. */
  checkpointInterval: number;
  /** How long versions are kept. */
  logMs: number;
  /** How long files that no version has any more are kept. */
  deletedFilesMs: number;
  cleansLog: boolean;
}

export function retentionOf(properties: Readonly<Record<string, string>> = {}): Retention {
  const interval = Number(properties['delta.checkpointInterval']);
  return {
    // Below as many versions as are read from the log anyway, a checkpoint would not be used here.
    checkpointInterval: Number.isInteger(interval) && interval > 0 ? interval : FEW_COMMITS,
    logMs: intervalMs(properties['delta.logRetentionDuration'] ?? '') ?? 30 * DAY,
    deletedFilesMs: intervalMs(properties['delta.deletedFileRetentionDuration'] ?? '') ?? 7 * DAY,
    cleansLog: properties['delta.enableExpiredLogCleanup'] !== 'false',
  };
}

/** @throws ERR_OPTIONS for a property that would ask for something that is not done */
export function checkProperties(properties: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(properties)) {
    if (!KNOWN.has(name))
      throw new PipelineError('ERR_OPTIONS', `the table property "${name}" cannot be set`, {
        hint: `those that can are ${[...KNOWN].join(', ')}`,
      });
    const isDuration = name.endsWith('Duration');
    if (typeof value === 'string' && (!isDuration || intervalMs(value) !== undefined)) continue;
    throw new PipelineError('ERR_OPTIONS', `the table property "${name}" is ${JSON.stringify(value)}`, {
      hint: isDuration ? "write 'interval 7 days'" : 'give a text',
    });
  }
}

/** A retention given by a caller, or the table's own. @throws ERR_OPTIONS */
export function retentionMs(given: number | string | undefined, own: number, what: string): number {
  return given === undefined ? own : Number(parseDuration(given, what) / 1_000_000n);
}
