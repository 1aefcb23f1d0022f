/** Values of options as people write them. Each reads one text, or says in a sentence what to write instead. */
import type { RowGroupTarget } from '@spillway/core';
import { checkTarget, parseBytes, parseDuration } from '@spillway/core/words';
import { InvalidArgumentError } from 'commander';

/** Bytes, at least one. */
export function size(text: string): number {
  try {
    const bytes = parseBytes(text);
    if (bytes > 0) return bytes;
  } catch {
    // What to write instead is said below.
  }
  throw new InvalidArgumentError('Write a size such as 256MiB (2^20) or 256MB (10^6).');
}

/** Checked, and kept as it was written. */
export function duration(text: string): string {
  try {
    parseDuration(text);
    return text;
  } catch {
    throw new InvalidArgumentError('Write a duration such as 2d, 12h, 1h30m or 90s.');
  }
}

/** Letters that names of files may have. */
export function resumeId(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text)) return text;
  throw new InvalidArgumentError('Write up to 100 letters, digits, dots, dashes and underscores, such as nightly.');
}

/** A number from 1 on. */
export function count(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('Write a whole number from 1 on.');
}

/** A number from 0 on. */
export function ordinal(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('Write a whole number from 0 on.');
}

/** A port to listen on. */
export function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('Write a port from 0 to 65535 behind an equals sign: --dashboard=9464.');
}

/** Names with commas between, each once. */
export function names(text: string): string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.includes('')) throw new InvalidArgumentError('Write names with commas between: ts,price.');
  refuseTwice(list);
  return list;
}

function refuseTwice(list: readonly string[]): void {
  const twice = list.find((name, i) => list.indexOf(name) !== i);
  if (twice !== undefined) throw new InvalidArgumentError(`"${twice}" is there twice.`);
}

/** Rows of a row group, or its period. */
export function rowGroup(text: string): RowGroupTarget {
  const days = /^days:(-?\d+(?:,-?\d+)*)$/.exec(text)?.[1];
  const target = /^\d+$/.test(text)
    ? Number(text)
    : days === undefined
      ? text
      : { monthDays: days.split(',').map(Number) };
  try {
    checkTarget(target);
    return target;
  } catch {
    throw new InvalidArgumentError('Write a number of rows, or a period: 1d, 6h, 1w, 1mo, 1y, days:1,15.');
  }
}

/** How much a file of several has. */
export type PartsText = { rows: number } | { bytes: number } | { every: string };

/** Rows, bytes or a period. */
export function parts(text: string): PartsText {
  if (/^[\d_]+$/.test(text)) return { rows: count(text) };
  if (/b$/i.test(text)) return { bytes: size(text) };
  try {
    checkTarget(text);
    return { every: text };
  } catch {
    throw new InvalidArgumentError('Write a number of rows, a size such as 256MiB, or a period: 1d, 6h, 1w, 1mo, 1y.');
  }
}

/** `name=value` with commas between; a value may have commas itself. */
export function pairs(text: string): Record<string, string> {
  const found = text.split(/,\s*(?=[^,=]+=)/).map((pair): [string, string] => {
    const at = pair.indexOf('=');
    if (at < 1) throw new InvalidArgumentError('Write names and values: symbol=AAPL,freq=1h.');
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
  refuseTwice(found.map(([name]) => name));
  return Object.fromEntries(found);
}

/** As `pairs`, where the option may be given several times. */
export function morePairs(text: string, before: Record<string, string> | undefined): Record<string, string> {
  return { ...before, ...pairs(text) };
}

/** One text of several. */
export function more(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}
