/** Casts of columns, after the rules in `node.ts`. That a cast exists at all has been checked by the types. */
import type { Column } from '../batch/contract.ts';
import { decodeBytes } from '../batch/utf8.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TypeText } from '../schema/types.ts';
import { bitAt, bitmapBytes, writeBits } from './bitmap.ts';
import { SECONDS_PER_DAY, TICKS_PER_SECOND } from './calendar.ts';
import { textFormatter, textParser } from './cast-text.ts';
import { LocalReader } from './dates.ts';
import { decodeDictionary, encodeDictionary } from './dictionary.ts';
import type { Frame } from './frame.ts';
import { literalStep } from './literal.ts';
import { bitsToNumber, numberToBits } from './logic.ts';
import { convert, inRange, numberView, resultLike, wordView } from './numbers.ts';
import { classOf, mapStep, type Step, unitOf, zoneNameOf } from './step.ts';
import { rescale } from './temporal-scale.ts';
import { TextWriter } from './text-writer.ts';
import { utcFromLocal, zoneOf } from './time-zone.ts';

/** Converts a column, which it consumes. */
type Cast = (frame: Frame, column: Column) => Column;

const SHOWN_LETTERS = 60;

function fromText(type: TypeText): Cast {
  const parse = textParser(type);
  return (frame, given) => {
    const texts = decodeDictionary(frame, given);
    const rows = texts.length;
    const isBool = type === 'bool';
    const out = frame.allocate(
      type,
      rows,
      isBool ? bitmapBytes(rows) : rows * parseType(type).byteWidth,
      texts.validity !== 0,
    );
    frame.copyValidity(out, texts);
    const offsets = new Int32Array(frame.arena.buffer, texts.offsets, rows + 1);
    const read = (row: number): number | bigint | boolean => {
      if (!bitAt(frame.arena, texts.validity, row)) return 0;
      const text = decodeBytes(
        frame.arena.u8,
        texts.values + (offsets[row] as number),
        texts.values + (offsets[row + 1] as number),
      );
      const value = parse(text);
      if (value !== undefined) return value;
      if (!frame.matters(row, texts.validity)) return 0;
      const value80 = text.slice(0, SHOWN_LETTERS);
      throw frame.refuse('ERR_VALUE', row, `${JSON.stringify(value80)} cannot be read as ${type}`, {
        value: value80,
        expected: type,
        hint: 'clean or filter such rows before the cast',
      });
    };
    if (isBool) writeBits(frame.arena, out.values, rows, (row) => read(row) === true);
    else {
      const target = numberView(frame, type, out.values, rows);
      if (target instanceof BigInt64Array || target instanceof BigUint64Array)
        for (let row = 0; row < rows; row++) target[row] = BigInt(read(row));
      else for (let row = 0; row < rows; row++) target[row] = Number(read(row));
    }
    frame.drop(texts);
    return out;
  };
}

const EXPECTED_BYTES_A_VALUE = 12;

function toText(from: TypeText): Cast {
  const format =
    from === 'bool' ? (value: number | bigint): string => (value === 1 ? 'true' : 'false') : textFormatter(from);
  return (frame, given) => {
    const column = from === 'bool' ? bitsToNumber(frame, given, 'uint8') : given;
    const values = numberView(frame, column.type, column.values, column.length);
    const writer = new TextWriter(frame, column.length, column.length * EXPECTED_BYTES_A_VALUE, column.validity !== 0);
    for (let row = 0; row < column.length; row++) {
      if (bitAt(frame.arena, column.validity, row)) writer.write(format(values[row] as number | bigint));
      writer.endRow();
    }
    const out = writer.finish(column);
    frame.drop(column);
    return out;
  };
}

/** The local day of each instant, as date32 or date64. */
function instantToDate(type: TypeText): Cast {
  return (frame, column) => {
    const rows = column.length;
    const out = frame.allocate('date32', rows, rows * 4, column.validity !== 0);
    frame.copyValidity(out, column);
    const words = wordView(frame, column.values, rows);
    const days = new Int32Array(frame.arena.buffer, out.values, rows);
    const reader = new LocalReader(column.type);
    for (let row = 0; row < rows; row++) {
      reader.read(words[2 * row + 1] as number, (words[2 * row] as number) >>> 0);
      if (reader.day !== (reader.day | 0) && frame.matters(row, column.validity)) {
        throw frame.refuse('ERR_VALUE', row, `an instant of day ${reader.day} does not fit ${type}`, {
          value: String(reader.day),
          expected: type,
          hint: 'filter such rows',
        });
      }
      days[row] = reader.day;
    }
    frame.drop(column);
    return type === 'date32' ? out : rescale(frame, out, 'ms', type, 'ERR_VALUE');
  };
}

/** Midnight of each day in the target's zone. */
function dateToInstant(type: TypeText): Cast {
  const zone = zoneOf(zoneNameOf(type));
  const unit = unitOf(type);
  const ticks = BigInt(unit === 'day' ? 1 : TICKS_PER_SECOND[unit]);
  return (frame, given) => {
    const dates = given.type === 'date32' ? given : instantToDate('date32')(frame, given);
    const days = new Int32Array(frame.arena.buffer, dates.values, dates.length);
    const out = resultLike(frame, dates, type);
    const target = new BigInt64Array(frame.arena.buffer, out.values, dates.length);
    for (let row = 0; row < dates.length; row++) {
      const value = BigInt(utcFromLocal(zone, (days[row] as number) * SECONDS_PER_DAY)) * ticks;
      if (!inRange(value, false) && frame.matters(row, dates.validity)) {
        throw frame.refuse('ERR_VALUE', row, `day ${days[row]} does not fit ${type}`, {
          value: String(days[row]),
          expected: type,
          hint: 'use a coarser unit',
        });
      }
      target[row] = value;
    }
    frame.drop(dates);
    return out;
  };
}

function temporalCast(from: TypeText, to: TypeText): Cast {
  const [kindFrom, kindTo] = [classOf(from), classOf(to)];
  const unit = unitOf(to);
  if (kindFrom === 'timestamp' && kindTo === 'date') return instantToDate(to);
  if (kindFrom === 'date' && kindTo === 'timestamp') return dateToInstant(to);
  if (from === 'date64' && to === 'date32') return instantToDate(to);
  return (frame, column) => rescale(frame, column, unit, to, 'ERR_VALUE');
}

function castOf(from: TypeText, to: TypeText): Cast {
  const [kindFrom, kindTo] = [classOf(from), classOf(to)];
  if (kindFrom === 'text') {
    if (kindTo !== 'text') return fromText(to);
    return to === 'utf8' ? decodeDictionary : encodeDictionary;
  }
  if (kindTo === 'text') {
    const plain = toText(from);
    return to === 'utf8' ? plain : (frame, column) => encodeDictionary(frame, plain(frame, column));
  }
  if (kindFrom === 'bool') return (frame, column) => bitsToNumber(frame, column, to);
  if (kindTo === 'bool') return numberToBits;
  const areNumbers = [kindFrom, kindTo].some((kind) => kind === 'int' || kind === 'float');
  return areNumbers ? (frame, column) => convert(frame, column, to) : temporalCast(from, to);
}

/** Numbers that become floats and texts of anything never fail; the rest may. */
function isFallible(from: TypeText, to: TypeText): boolean {
  const [kindFrom, kindTo] = [classOf(from), classOf(to)];
  if (kindTo === 'text' || (kindTo === 'bool' && kindFrom !== 'text') || kindFrom === 'bool') return false;
  return kindTo !== 'float' || kindFrom === 'text';
}

/** A step's values as another type; nothing is done where the type is the same. */
export function castStep(step: Step, to: TypeText): Step {
  if (step.type === to) return step;
  if (step.literal === null) return literalStep(to, null);
  const cast = castOf(step.type, to);
  return mapStep(step, to, isFallible(step.type, to), cast);
}
