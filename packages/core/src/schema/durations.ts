import { PipelineError } from '../errors.ts';
import type { TimeUnitText } from './types.ts';

/** Milliseconds, or text such as `'5s'`, `'1h'`, `'250ms'`, `'1h30m'`. */
export type Duration = number | string;

const NANOSECONDS: Record<string, bigint> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  min: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};

const PART = /(\d+)(?:\.(\d{1,15}))?\s*([a-zµμ]+)\s*/gy;

function badDuration(value: unknown, what: string, hint: string): PipelineError {
  return new PipelineError(
    'ERR_OPTIONS',
    `${what} is not a duration: ${typeof value === 'string' ? JSON.stringify(value) : String(value)}`,
    {
      value: String(value),
      expected: 'milliseconds, or text with a unit',
      hint,
    },
  );
}

const USAGE = "write 5000 (milliseconds), '5s', '250ms', '1h30m', '7d' or '1w'; units are ns us ms s m h d w";

function fromMilliseconds(value: number, what: string): bigint {
  if (!Number.isFinite(value) || value < 0) throw badDuration(value, what, USAGE);
  const whole = Math.floor(value);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((value - whole) * 1e6));
}

function partNanoseconds(whole: string, fraction: string, unit: bigint): bigint | undefined {
  const scale = 10n ** BigInt(fraction.length);
  const scaled = (BigInt(whole) * scale + BigInt(fraction === '' ? '0' : fraction)) * unit;
  return scaled % scale === 0n ? scaled / scale : undefined;
}

/**
 * Reads a duration as whole nanoseconds, 0 or more. Days are 24 hours; months and years are calendar units, not durations.
 * @param what names the option in the refusal.
 * @throws ERR_OPTIONS when it is not a duration.
 */
export function parseDuration(value: Duration, what = 'duration'): bigint {
  if (typeof value === 'number') return fromMilliseconds(value, what);
  if (typeof value !== 'string') throw badDuration(value, what, USAGE);
  const text = value.trim();
  let total = 0n;
  let at = 0;
  while (at < text.length) {
    PART.lastIndex = at;
    const match = PART.exec(text);
    const unit = match === null ? undefined : NANOSECONDS[(match[3] ?? '').toLowerCase()];
    const part =
      match === null || unit === undefined ? undefined : partNanoseconds(match[1] ?? '0', match[2] ?? '', unit);
    if (part === undefined) {
      const calendar = /^(mo|month|y|year|q)/i.test(match?.[3] ?? '');
      throw badDuration(
        value,
        what,
        calendar ? 'months and years have no fixed length; use a fixed duration such as 30d' : USAGE,
      );
    }
    total += part;
    at = PART.lastIndex;
  }
  if (text === '') throw badDuration(value, what, USAGE);
  return total;
}

const FORMAT_UNITS: [string, bigint][] = [
  ['w', 604_800_000_000_000n],
  ['d', 86_400_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['m', 60_000_000_000n],
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['us', 1_000n],
  ['ns', 1n],
];

/** The shortest exact text of a duration in one unit: `90m`, `1w`, `1500ms`. `parseDuration` reads it back. */
export function formatDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  for (const [name, unit] of FORMAT_UNITS) {
    if (nanoseconds % unit === 0n) return `${nanoseconds / unit}${name}`;
  }
  return `${nanoseconds}ns`;
}

/** Nanoseconds of one tick of a time unit. */
export function unitNanoseconds(unit: TimeUnitText | 'day'): bigint {
  return unit === 'day' ? 86_400_000_000_000n : (NANOSECONDS[unit] ?? 1n);
}
