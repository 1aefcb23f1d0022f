/** What of bins and snapshots depends on the ordered column's type, once the plan is bound: plain numbers are counted in steps. */
import type { PipelineError } from '../errors.ts';
import { zoneOf } from '../expressions/time-zone.ts';
import { DAY_NS, MS_NS, refuse } from './bin-options.ts';
import type { BinSpec, FixedBins, SnapshotSpec } from './logical.ts';

const NUMBERS = /^(?:u?int(?:8|16|32|64)|float(?:32|64))$/;

/**
 * Bins over a column of plain numbers count its steps: `every: 100` is a hundred of them, not 100 ms. Given bins that are bound already, it gives the
 * same ones.
 * @throws ERR_OPTIONS when such a column is given a duration with a unit, or a calendar
 */
export function binsFor(bins: BinSpec, orderedType: string, aggregation: string): BinSpec {
  if (bins.kind === 'rows' || !NUMBERS.test(orderedType)) return checkZone(bins, orderedType, aggregation);
  if (bins.kind === 'calendar' || bins.unit === 'step') return inSteps(bins, aggregation, orderedType);
  if (bins.kind === 'edges')
    return { ...bins, unit: 'step', edgesNs: bins.edgesNs.map((edge) => toSteps(edge, aggregation, orderedType)) };
  const [width, period] = bins.text.split(' over ') as [string, string | undefined];
  for (const text of period === undefined ? [width] : [width, period])
    if (!/^\d+$/.test(text)) throw notSteps(bins.text, aggregation, orderedType);
  if (bins.kind === 'sessions') return { ...bins, unit: 'step', gapNs: width };
  const isDefaultOrigin = bins.originNs === '0' || bins.originNs === String(4n * DAY_NS);
  return {
    ...bins,
    unit: 'step',
    everyNs: width,
    originNs: isDefaultOrigin ? '0' : toSteps(bins.originNs, aggregation, orderedType),
    ...(period !== undefined && { periodNs: period }),
  };
}

function inSteps(bins: Exclude<BinSpec, { kind: 'rows' }>, aggregation: string, orderedType: string): BinSpec {
  if (bins.kind !== 'calendar') return bins;
  throw notSteps(bins.text, aggregation, orderedType);
}

function notSteps(text: string, aggregation: string, orderedType: string): PipelineError {
  return refuse(
    `aggregation "${aggregation}" has bins of ${text}, but its ordered column is ${orderedType}, not a time`,
    'give plain numbers, or cast the column to a timestamp',
  );
}

/** As `binsFor`, for snapshots. */
export function snapshotsFor(snapshots: SnapshotSpec, orderedType: string, aggregation: string): SnapshotSpec {
  const { at } = snapshots;
  if (at.kind === 'fixed') return { ...snapshots, at: binsFor(at, orderedType, aggregation) as FixedBins };
  if (!NUMBERS.test(orderedType) || at.unit === 'step') return snapshots;
  const pointsNs = at.pointsNs.map((point) => toSteps(point, aggregation, orderedType));
  return { ...snapshots, at: { ...at, unit: 'step', pointsNs } };
}

/** A number as it was given, which was taken for milliseconds. */
function toSteps(ns: string, aggregation: string, orderedType: string): string {
  if (BigInt(ns) % MS_NS === 0n) return String(BigInt(ns) / MS_NS);
  throw notSteps(`${ns} ns`, aggregation, orderedType);
}

function checkZone(bins: BinSpec, orderedType: string, aggregation: string): BinSpec {
  const isTimestamp = orderedType.startsWith('timestamp') || orderedType === 'date64';
  if (bins.kind !== 'calendar' || isTimestamp || (orderedType === 'date32' && zoneOf(bins.timeZone).isUtc)) return bins;
  throw refuse(
    `aggregation "${aggregation}" has bins of ${bins.text}, but its ordered column is ${orderedType}, which has no place in a calendar${orderedType === 'date32' ? ' of a time zone' : ''}`,
    'order on a timestamp',
  );
}
