/** How the columns of a CSV source are read: which kernel, with what. */
import { PipelineError } from '../../errors.ts';
import { type Zone, zoneOf } from '../../expressions/time-zone.ts';
import { TYPE_CODE } from '../../kernels/compiled-layout.ts';
import { VALUE_KIND } from '../../kernels/csv-layout.ts';
import type { Ptr } from '../../memory/contract.ts';
import { numberTypeOf } from '../../schema/number-types.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { FieldSpec, ParsedType, TimeUnitText } from '../../schema/types.ts';
import type { ValueFormat } from './csv-format.ts';
import { epochUnit, formatBytes, formatSteps } from './time-format.ts';

export interface ColumnPlan {
  field: FieldSpec;
  type: ParsedType;
  /** Of the kernel; texts have none. */
  kind: number | undefined;
  /** Behind the point: of the unit, of a decimal. */
  digits: number;
  /** Of an epoch's own unit; of a decimal, all. */
  moreDigits: number;
  /** The compiled time format, 0 for ISO 8601. */
  format: Ptr;
  /** Zone of times without an offset; undefined for UTC. */
  zone: Zone | undefined;
}

const DIGITS: Record<TimeUnitText | 'day', number> = { s: 0, ms: 3, us: 6, ns: 9, day: 0 };

/** @throws ERR_TYPE_UNSUPPORTED for types that no text is read as */
export function checkCsvType(field: FieldSpec): void {
  const type = parseType(field.type);
  const isReadable = type.domain !== 'opaque' || (type.precision !== undefined && (type.scale ?? 0) >= 0);
  if (isReadable) return;
  throw new PipelineError('ERR_TYPE_UNSUPPORTED', `column "${field.name}": a text cannot be read as ${field.type}`, {
    column: field.name,
    value: field.type,
    expected: 'a number, a bool, a text, a date, a time or a decimal',
    hint: 'declare it as utf8',
  });
}

function kindOf(type: ParsedType, isEpoch: boolean): number | undefined {
  const { text } = type;
  if (type.domain === 'utf8') return undefined;
  if (isEpoch) return VALUE_KIND.epoch;
  if (type.domain === 'bool') return VALUE_KIND.bool;
  if (type.precision !== undefined) return VALUE_KIND.decimal;
  if (text.startsWith('date')) return VALUE_KIND.date32;
  if (text.startsWith('timestamp')) return VALUE_KIND.timestamp;
  if (text.startsWith('time32')) return VALUE_KIND.time32;
  if (text.startsWith('time64')) return VALUE_KIND.time64;
  // Durations are written as counts.
  return TYPE_CODE[numberTypeOf(text) ?? 'i64'];
}

/** @param place Puts bytes into the arena, for the kernel. */
export function planColumn(field: FieldSpec, format: ValueFormat, place: (bytes: Uint8Array) => Ptr): ColumnPlan {
  const type = parseType(field.type);
  const written = type.domain === 'temporal' ? format.timeFormats[field.name] : undefined;
  const epoch = written === undefined ? undefined : epochUnit(written);
  const isLocal = field.type.startsWith('timestamp') && epoch === undefined;
  const zone = isLocal ? zoneOf(format.timeZone ?? type.timeZone) : undefined;
  return {
    field,
    type,
    kind: kindOf(type, epoch !== undefined),
    digits: type.precision === undefined ? DIGITS[type.unit ?? 's'] : (type.scale ?? 0),
    moreDigits: epoch === undefined ? (type.precision ?? 0) : DIGITS[epoch],
    format: written === undefined || epoch !== undefined ? 0 : place(formatBytes(formatSteps(field.name, written))),
    zone: zone?.isUtc === true ? undefined : zone,
  };
}
