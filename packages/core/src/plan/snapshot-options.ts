/** Snapshots as the user writes them. */
import type { Duration } from '../schema/durations.ts';
import { ascendingNs, endOf, fixedBins, type Instant, refuse, zoneFor } from './bin-options.ts';
import type { AggregationSpec, SnapshotSpec } from './logical.ts';

/** Running values of the current bin. They come out as a stream of their own, called `<aggregation>Snapshots`. */
export interface SnapshotOptions {
  /** At the end of every interval of this width. */
  every?: Duration;
  origin?: Instant;
  /** At these points. */
  at?: readonly Instant[];
  /** Which end belongs to an interval: a snapshot at its right end has the rows before it (`'left'`), or those at it as well. Default as the bins. */
  closed?: 'left' | 'right';
  /** Which end of the interval stands in the output. Default right. */
  label?: 'left' | 'right';
}

const SNAPSHOT_KEYS = ['every', 'origin', 'at', 'closed', 'label'];

/** @throws ERR_OPTIONS */
export function snapshotSpec(
  name: string,
  options: SnapshotOptions,
  { closed, bins }: Pick<AggregationSpec, 'closed' | 'bins'>,
  timeZone: string | undefined,
): SnapshotSpec {
  for (const key of Object.keys(options)) {
    if (!SNAPSHOT_KEYS.includes(key))
      throw refuse(`snapshots of "${name}" have no option "${key}"`, `their options are ${SNAPSHOT_KEYS.join(', ')}`);
  }
  if (
    bins.kind === 'sessions' ||
    ('period' in bins && bins.period !== undefined) ||
    ('periodNs' in bins && bins.periodNs !== undefined)
  )
    throw refuse(
      `aggregation "${name}" has snapshots, but no one current bin: its bins overlap or depend on what comes`,
      'take snapshots of bins by every, rows or edges',
    );
  if ((options.every === undefined) === (options.at === undefined))
    throw refuse(`snapshots of "${name}" need either every or at`, "give every ('5m') or at (['2026-01-01T10:00', …])");
  const isClosedRight = endOf(name, 'closed of snapshots', options.closed, closed ?? 'left') === 'right';
  const isLabelledLeft = endOf(name, 'label of snapshots', options.label, 'right') === 'left';
  const own = zoneFor(name, timeZone);
  if (options.at !== undefined && isLabelledLeft)
    throw refuse(`snapshots of "${name}" at points have no left label`, 'leave label out');
  return {
    port: `${name}Snapshots`,
    ...(isClosedRight && { closed: 'right' }),
    ...(isLabelledLeft && { label: 'left' }),
    at:
      options.at === undefined
        ? fixedBins(
            name,
            {
              ...(options.every !== undefined && { every: options.every }),
              ...(options.origin !== undefined && { origin: options.origin }),
            },
            own,
          )
        : {
            kind: 'points',
            pointsNs: ascendingNs(name, 'snapshots', options.at, own),
            text: `${options.at.length} points`,
          },
  };
}
