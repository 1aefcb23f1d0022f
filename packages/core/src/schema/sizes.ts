import { PipelineError } from '../errors.ts';

/** A number of bytes, or text such as `'64MiB'`, `'1GB'`, `'100 MB'`. */
export type Bytes = number | string;

const UNITS: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

function badSize(value: unknown, what: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `${what} is not a size: ${JSON.stringify(value) ?? String(value)}`, {
    value: String(value),
    expected: 'a number of bytes, or text with a unit',
    hint: "write 268435456, '256MiB' (2^20) or '256MB' (10^6)",
  });
}

/**
 * Reads a size: whole bytes, 0 or more. `KiB MiB GiB TiB` are powers of two, `kB MB GB TB` powers of ten.
 * @param what names the option in the refusal.
 * @throws ERR_OPTIONS when it is not a size.
 */
export function parseBytes(value: Bytes, what = 'size'): number {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) throw badSize(value, what);
    return value;
  }
  const match = typeof value === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(value) : null;
  if (match === null) throw badSize(value, what);
  const unit = UNITS[(match[2] === '' ? 'b' : (match[2] ?? '')).toLowerCase()];
  if (unit === undefined) throw badSize(value, what);
  const bytes = Math.floor(Number(match[1]) * unit);
  if (!Number.isSafeInteger(bytes)) throw badSize(value, what);
  return bytes;
}

/** A size for people, in powers of two with one decimal: `38.2 MiB`. */
export function formatBytes(bytes: number): string {
  const sign = bytes < 0 ? '-' : '';
  let value = Math.abs(bytes);
  if (value < 1024) return `${sign}${Number.isInteger(value) ? value : value.toFixed(1)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 'B';
  for (const next of units) {
    if (value < 1023.95) break;
    value /= 1024;
    unit = next;
  }
  return `${sign}${value.toFixed(1)} ${unit}`;
}
