import { SECONDS_PER_DAY } from '../../expressions/calendar.ts';
import type { Zone } from '../../expressions/time-zone.ts';

/** The instant of a local time, both in seconds; undefined when the zone skips that time or has it twice. */
export function exactUtc(zone: Zone, localSeconds: number): number | undefined {
  const before = zone.offsetAt(localSeconds - SECONDS_PER_DAY);
  const after = zone.offsetAt(localSeconds + SECONDS_PER_DAY);
  const isBefore = zone.offsetAt(localSeconds - before) === before;
  if (before === after) return isBefore ? localSeconds - before : undefined;
  const isAfter = zone.offsetAt(localSeconds - after) === after;
  if (isBefore === isAfter) return undefined;
  return localSeconds - (isBefore ? before : after);
}
