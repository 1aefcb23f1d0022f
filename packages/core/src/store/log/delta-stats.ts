/**
 * A file's statistics as Delta has them: JSON with rounded and cut bounds, good enough for any reader to skip files by.
 * The exact bounds of the ordered column stand in the file's tags.
 */

import { decimalText } from '../../batch/read-values.ts';
import type { ColumnBounds } from '../../formats/column-bounds.ts';
import type { OrderedValue } from '../../formats/ordered-value.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { FieldSpec, Fields, TypeText } from '../../schema/types.ts';

/** Letters of a text that are kept. */
const TEXT_LENGTH = 32;
const PER_MILLISECOND: Record<string, [times: bigint, by: bigint]> = { s: [1000n, 1n], ms: [1n, 1n], us: [1n, 1000n] };
/** The years 1 to 9999, which is what others can read. */
const [MIN_MS, MAX_MS] = [-62_135_596_800_000n, 253_402_300_799_999n];

/** `which` decides the rounding: down for the least, up for the greatest value. */
function timeText(value: bigint, type: TypeText, which: 'min' | 'max'): string | undefined {
  const { unit, timeZone } = parseType(type);
  const [times, by] = PER_MILLISECOND[unit ?? ''] ?? [1n, 1n];
  const scaled = value * times;
  const remainder = ((scaled % by) + by) % by;
  const ms = (scaled - remainder) / by + (which === 'max' && remainder > 0n ? 1n : 0n);
  if (ms < MIN_MS || ms > MAX_MS) return undefined;
  const text = new Date(Number(ms)).toISOString();
  return JSON.stringify(timeZone === undefined ? text.slice(0, -1) : text);
}

function dateText(days: number): string | undefined {
  const ms = days * 86_400_000;
  return ms < Number(MIN_MS) || ms > Number(MAX_MS)
    ? undefined
    : JSON.stringify(new Date(ms).toISOString().slice(0, 10));
}

/** The first letters; for the greatest value raised, so that the bound stays one. */
function textBound(value: string, which: 'min' | 'max'): string | undefined {
  const letters = Array.from(value);
  if (letters.length <= TEXT_LENGTH) return JSON.stringify(value);
  const kept = letters.slice(0, TEXT_LENGTH);
  if (which === 'min') return JSON.stringify(kept.join(''));
  for (let i = kept.length - 1; i >= 0; i -= 1) {
    const next = (kept[i]?.codePointAt(0) ?? 0) + 1;
    // Neither behind the last letter nor into the surrogates.
    if (next <= 0x10ffff && (next < 0xd800 || next > 0xdfff))
      return JSON.stringify(kept.slice(0, i).join('') + String.fromCodePoint(next));
  }
  return undefined;
}

/** One bound as JSON text (64-bit numbers are beyond what `JSON.stringify` can write), or undefined for none. */
function boundText(value: OrderedValue | undefined, field: FieldSpec, which: 'min' | 'max'): string | undefined {
  const { type } = field;
  if (value === undefined) return undefined;
  if (typeof value === 'string') return textBound(value, which);
  if (type.startsWith('timestamp') && parseType(type).unit !== 'ns') return timeText(BigInt(value), type, which);
  if (type === 'date32') return dateText(Number(value));
  if (type === 'date64') return dateText(Number(value) / 86_400_000);
  if (type.startsWith('decimal')) return decimalText(BigInt(value), parseType(type).scale ?? 0);
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  return String(value);
}

function objectText(entries: readonly (readonly [string, string | undefined])[]): string {
  const present = entries.filter(([, text]) => text !== undefined);
  return `{${present.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}

/** The `stats` text of an `add` action. Bounds of a column with NaN are left out: readers differ on where NaN sorts. */
export function statsText(fields: Fields, rows: number, bounds: readonly ColumnBounds[]): string {
  const side = (which: 'min' | 'max'): string =>
    objectText(
      fields.map((field, i) => {
        const column = bounds[i];
        return [
          field.name,
          column === undefined || column.hasNaN ? undefined : boundText(column[which], field, which),
        ] as const;
      }),
    );
  const nulls = objectText(fields.map((field, i) => [field.name, String(bounds[i]?.nullCount ?? 0)] as const));
  return `{"numRecords":${rows},"minValues":${side('min')},"maxValues":${side('max')},"nullCount":${nulls}}`;
}

/** An exact bound as text, for the tags. */
export function exactText(value: OrderedValue): string {
  return typeof value === 'string' ? value : Object.is(value, -0) ? '-0' : String(value);
}

/** The exact bound of a column of this type from its text. */
export function exactValue(text: string, type: TypeText): OrderedValue {
  if (type === 'utf8' || type === 'dictionary<utf8>') return text;
  const parsed = parseType(type);
  return parsed.domain !== 'float' && parsed.byteWidth === 8 ? BigInt(text) : Number(text);
}

/**
 * A bound of a column as another program's statistics give it, rounded outwards; undefined when they do not tell. Their times
 * are cut to milliseconds, their texts to a prefix.
 */
export function readBound(
  stats: string | null | undefined,
  name: string,
  type: TypeText,
  which: 'min' | 'max',
): OrderedValue | undefined {
  let value: unknown;
  try {
    const parsed = JSON.parse(stats ?? '{}') as Record<string, Record<string, unknown> | undefined>;
    value = parsed[`${which}Values`]?.[name];
  } catch {
    // Statistics are help, not truth.
    return undefined;
  }
  const { unit, byteWidth, domain } = parseType(type);
  if (typeof value === 'number' && (domain === 'int' || domain === 'uint' || domain === 'float')) {
    // Beyond 2^53 the number was rounded when it was read.
    if (domain === 'float' || byteWidth < 8) return value;
    return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  }
  if (typeof value !== 'string') return undefined;
  if (type === 'utf8') return which === 'min' ? value : undefined;
  const ms = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(value) ? value : `${value}Z`);
  const [times, by] = PER_MILLISECOND[unit ?? ''] ?? [0n, 0n];
  if (Number.isNaN(ms) || times === 0n || !type.startsWith('timestamp')) return undefined;
  const ticks = (BigInt(ms) * by) / times;
  return which === 'min' ? ticks : ticks + (by === 1n ? 1n : by);
}
