/**
 * How many bytes rows take, before they are laid out: where a batch is cut so that it is no larger than the largest batch that
 * its edge has room for. Only texts, bytes and lists differ from row to row; without any of these nothing is looked at.
 */
import type { RecordBatch } from 'apache-arrow';
import { PipelineError } from '../errors.ts';
import { parseType } from '../schema/parse-type.ts';
import { formatBytes } from '../schema/sizes.ts';
import type { Fields } from '../schema/types.ts';

/** Rows in one of the forms in which users give them. */
export type GivenRows = readonly object[] | RecordBatch | Readonly<Record<string, ArrayLike<unknown>>>;

type SizeOf = (row: number) => number;

/** Bytes of the rows of one input. */
export class RowSizes {
  readonly #fixedBytes: number;
  readonly #sizes: readonly SizeOf[];

  constructor(fields: Fields, rows: GivenRows) {
    let bits = 0;
    const sizes: SizeOf[] = [];
    for (const { name, type, nullable } of fields) {
      const { physical, byteWidth } = parseType(type);
      const isFixed = physical !== 'variable' && physical !== 'list';
      bits += (physical === 'bits' ? 1 : isFixed ? 8 * byteWidth : 32) + (nullable ? 1 : 0);
      const size = isFixed ? undefined : sizeIn(rows, name);
      if (size !== undefined) sizes.push(size);
    }
    this.#fixedBytes = bits / 8;
    this.#sizes = sizes;
  }

  /** Bytes of one row. */
  bytesOf(row: number): number {
    let bytes = this.#fixedBytes;
    for (const size of this.#sizes) bytes += size(row);
    return bytes;
  }

  /** How many of the rows [from, to) fit into so many bytes together: at least one. */
  fit(from: number, to: number, mostBytes: number): number {
    if (this.#sizes.length === 0) return Math.min(to - from, Math.max(1, Math.floor(mostBytes / this.#fixedBytes)));
    let bytes = 0;
    for (let row = from; row < to; row++) {
      bytes += this.bytesOf(row);
      if (bytes > mostBytes) return Math.max(1, row - from);
    }
    return to - from;
  }
}

/** Bytes of a value of variable length. */
function valueBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value instanceof Uint8Array) return value.byteLength;
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return 0;
  const items = value as ArrayLike<unknown>;
  let bytes = 0;
  for (let item = 0; item < items.length; item++) bytes += Math.max(8, valueBytes(items[item]));
  return bytes;
}

function sizeIn(rows: GivenRows, name: string): SizeOf | undefined {
  if (Array.isArray(rows)) {
    const objects = rows as readonly Record<string, unknown>[];
    return (row) => valueBytes(objects[row]?.[name]);
  }
  if ('numRows' in rows && typeof rows['getChild'] === 'function')
    return sizeInArrow(rows as unknown as RecordBatch, name);
  const values = (rows as Readonly<Record<string, ArrayLike<unknown>>>)[name];
  return (row) => valueBytes(values?.[row]);
}

function sizeInArrow(rows: RecordBatch, name: string): SizeOf | undefined {
  const [data] = rows.getChild(name)?.data ?? [];
  const offsets = data?.valueOffsets as Int32Array | BigInt64Array | undefined;
  if (data === undefined || offsets === undefined) return undefined;
  // Of lists with elements of fixed size; others are taken at eight bytes an element.
  const scale = data.children.length > 0 ? 8 : 1;
  return (row) => scale * Number((offsets[row + 1] ?? offsets[row] ?? 0) as number) - scale * Number(offsets[row] ?? 0);
}

/** What keeps one row from being laid out at all. `row`: its number in what the user knows. */
export function rowTooLarge(name: string, row: number, bytes: number, roomBytes: number): PipelineError {
  return new PipelineError(
    'ERR_ROW_TOO_LARGE',
    `row ${row} of "${name}" takes ${formatBytes(bytes)}, and there is room for ${formatBytes(roomBytes)}`,
    {
      stage: name,
      row,
      value: String(bytes),
      expected: `at most ${roomBytes} bytes`,
      hint: 'raise memoryLimit to several times the largest row, or split its values before they come here',
    },
  );
}
