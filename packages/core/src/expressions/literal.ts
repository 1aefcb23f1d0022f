/** Literals: reading their plain-data form, and laying them out as columns of one row or of many. */
import type { Column } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TypeText } from '../schema/types.ts';
import { bitmapBytes } from './bitmap.ts';
import { bytesOfArena, type ColumnDraft, type Frame } from './frame.ts';
import { numberView } from './numbers.ts';
import { classOf, isUnsigned, type LiteralValue, type Step } from './step.ts';

function refuse(value: unknown, type: TypeText, hint: string): PipelineError {
  return new PipelineError('ERR_EXPRESSION', `literal ${String(value)} is not a value of type ${type}`, {
    value: String(value),
    expected: type,
    hint,
  });
}

function integerOf(type: TypeText, value: number | string | boolean): bigint {
  let integer: bigint;
  try {
    integer = BigInt(value);
  } catch {
    throw refuse(value, type, 'give an integer, as decimal text beyond 2^53');
  }
  const bits = parseType(type).byteWidth * 8;
  const wrapped = isUnsigned(type) ? BigInt.asUintN(bits, integer) : BigInt.asIntN(bits, integer);
  if (wrapped !== integer) throw refuse(value, type, 'give the literal a wider type');
  return integer;
}

/** The value of a literal in the form that kernels take. @throws ERR_EXPRESSION when it is not of its type */
export function literalValue(type: TypeText, value: number | string | boolean | null): LiteralValue {
  if (value === null) return null;
  const kind = classOf(type);
  if (kind === 'bool' && typeof value === 'boolean') return value;
  if (kind === 'text' && typeof value === 'string') return value;
  if (kind === 'float' && typeof value !== 'boolean') {
    const number = Number(value); // text is how infinities and NaN survive JSON
    return type === 'float32' ? Math.fround(number) : number;
  }
  if (kind === 'bool' || kind === 'text' || kind === 'float' || kind === 'opaque')
    throw refuse(value, type, 'give the literal the type of its value');
  return integerOf(type, value);
}

function textColumn(frame: Frame, value: string, rows: number): ColumnDraft {
  const bytes = Buffer.byteLength(value);
  const column = frame.allocate('utf8', rows, bytes * rows, false, true);
  const offsets = new Int32Array(frame.arena.buffer, column.offsets, rows + 1);
  for (let row = 0; row <= rows; row++) offsets[row] = row * bytes;
  if (rows > 0) {
    // With the length: Node takes all of the arena behind it otherwise, and writes nothing where that passes 2 GiB.
    bytesOfArena(frame.arena).write(value, column.values, bytes, 'utf8');
    const { u8 } = frame.arena;
    // Doubling: each copy repeats all that is there.
    for (let done = bytes; done < bytes * rows; done *= 2) {
      u8.copyWithin(column.values + done, column.values, column.values + Math.min(done, bytes * rows - done));
    }
  }
  return column;
}

/** `rows` times the value. */
export function literalColumn(frame: Frame, type: TypeText, value: LiteralValue, rows: number): Column {
  if (value === null) return nullColumn(frame, type, rows);
  const kind = classOf(type);
  if (kind === 'text') return textColumn(frame, value as string, rows);
  if (kind === 'bool') {
    const column = frame.allocate(type, rows, bitmapBytes(rows), false);
    frame.kernels.fillBits(column.values, 0, rows, value === true ? 1 : 0);
    return column;
  }
  const column = frame.allocate(type, rows, rows * parseType(type).byteWidth, false);
  const view = numberView(frame, type, column.values, rows);
  if (view instanceof BigInt64Array || view instanceof BigUint64Array) view.fill(value as bigint);
  else view.fill(Number(value));
  return column;
}

/** A column of nulls; values are zero and texts empty, so that the bytes of a result do not depend on old slabs. */
export function nullColumn(frame: Frame, type: TypeText, rows: number): Column {
  const { physical, byteWidth } = parseType(type);
  if (physical === 'list') throw refuse('null', type, 'lists are passed through, never computed');
  const isVariable = physical === 'variable';
  const valueBytes = isVariable ? 0 : physical === 'bits' ? bitmapBytes(rows) : rows * byteWidth;
  const column = frame.allocate(type, rows, valueBytes, true, isVariable);
  frame.arena.u8.fill(0, column.values, column.values + valueBytes);
  if (isVariable) new Int32Array(frame.arena.buffer, column.offsets, rows + 1).fill(0);
  if (physical === 'dictionary') {
    // The codes point at one empty text, so that readers which look at values under nulls find something.
    frame.adopt(column, textColumn(frame, '', 1));
  }
  frame.kernels.fillBits(column.validity, 0, rows, 0);
  column.nullCount = rows;
  return column;
}

/** A literal as a step. */
export function literalStep(type: TypeText, value: LiteralValue): Step {
  return { type, literal: value, isFallible: false, run: (frame) => literalColumn(frame, type, value, frame.rows) };
}
