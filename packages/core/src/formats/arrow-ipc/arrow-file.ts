/**
 * Arrow IPC files and streams, written batch by batch. Texts of dictionaries are written as texts: batches have dictionaries of their own,
 * and few readers follow one that changes.
 *
 * Format: https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
 */
import type { Batch } from '../../batch/contract.ts';
import type { Arena } from '../../memory/contract.ts';
import type { FieldSpec, Fields } from '../../schema/types.ts';
import { DurableFile } from '../durable-file.ts';
import { encodeFlatbuffer } from '../flatbuffer-writer.ts';
import { type IpcColumn, ipcColumns } from '../ipc-columns.ts';
import { alignedBytes, batchMessages, type IpcMessage, schemaMessage, schemaTable } from '../ipc-stream.ts';
import type { RowFile, RowFileMark } from '../row-file.ts';

export interface ArrowFileOptions {
  path: string;
  fields: Fields;
  arena: Arena;
  layout: 'file' | 'stream';
  /** It need not survive a power cut. */
  isPassing?: boolean;
}

const VERSION_5 = 4;
const PREFIX_BYTES = 8;
const MAGIC = Buffer.from('ARROW1');
const END_OF_STREAM = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

/** As the file has it. */
function storedField(field: FieldSpec): FieldSpec {
  return field.type === 'dictionary<utf8>' ? { ...field, type: 'utf8' } : field;
}

export class ArrowFileWriter implements RowFile {
  rows: number;
  readonly #options: ArrowFileOptions;
  readonly #fields: Fields;
  readonly #file: DurableFile;
  /** Of every record batch: where it begins, its bytes before the body, those of the body. */
  readonly #blocks: number[];

  private constructor(options: ArrowFileOptions, file: DurableFile, from: RowFileMark | undefined) {
    this.#options = options;
    this.#fields = options.fields.map(storedField);
    this.#file = file;
    this.rows = from?.rows ?? 0;
    this.#blocks = [...(from?.places ?? [])];
  }

  /** Creates the file, or goes on behind a mark: what was written later is cut off. @throws ERR_IO, ERR_TYPE_UNSUPPORTED */
  static async open(options: ArrowFileOptions, from?: RowFileMark): Promise<ArrowFileWriter> {
    const file = await DurableFile.takeUp(options.path, from?.bytes ?? 0);
    const writer = new ArrowFileWriter(options, file, from);
    if (writer.bytes > 0) return writer;
    const magic = options.layout === 'file' ? [MAGIC, Buffer.alloc(2)] : [];
    await file.writeAll([...magic, ...viewsOf(schemaMessage(writer.#fields))]);
    return writer;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  async push(batch: Batch): Promise<void> {
    const columns = ipcColumns(this.#options.arena, batch, 0, batch.rows).map(withoutDictionary);
    for (const message of batchMessages(columns, batch.rows)) {
      const at = this.bytes;
      await this.#file.writeAll(viewsOf(message));
      this.#blocks.push(at, PREFIX_BYTES + message.head.length, message.body.bytes);
    }
    this.rows += batch.rows;
  }

  async mark(): Promise<RowFileMark> {
    await this.#file.sync();
    return { rows: this.rows, bytes: this.bytes, places: [...this.#blocks] };
  }

  async end(): Promise<{ rows: number; bytes: number }> {
    const { layout, isPassing } = this.#options;
    await this.#file.writeAll(layout === 'file' ? [END_OF_STREAM, ...this.#footer()] : [END_OF_STREAM]);
    await (isPassing === true ? this.#file.close() : this.#file.seal());
    return { rows: this.rows, bytes: this.bytes };
  }

  abort(): Promise<void> {
    return this.#file.close();
  }

  #footer(): Uint8Array[] {
    const footer = encodeFlatbuffer([
      { i16: VERSION_5 },
      { table: schemaTable(this.#fields) },
      { int64s: [], perStruct: 3 },
      { int64s: this.#blocks, perStruct: 3 },
    ]);
    const length = Buffer.alloc(4);
    length.writeInt32LE(footer.length);
    return [footer, length, MAGIC];
  }
}

/** A message as it is written. */
function viewsOf({ head, body }: IpcMessage): Uint8Array[] {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32LE(0xffff_ffff);
  prefix.writeInt32LE(head.length, 4);
  const buffers = (body?.buffers ?? []).flatMap((buffer) => {
    const padding = alignedBytes(buffer.length) - buffer.length;
    return padding > 0 ? [buffer, new Uint8Array(padding)] : [buffer];
  });
  return [prefix, head, ...buffers];
}

/** Codes as the texts that they stand for. */
function withoutDictionary(column: IpcColumn): IpcColumn {
  const { child, rows, validity } = column;
  if (column.type !== 'dictionary<utf8>' || child?.offsets === undefined) return column;
  const codes = new Int32Array(column.values.buffer, column.values.byteOffset, rows);
  const from = new Int32Array(child.offsets.buffer, child.offsets.byteOffset, child.rows + 1);
  const isThere = (row: number): boolean =>
    validity === undefined || (((validity[row >>> 3] as number) >> (row & 7)) & 1) !== 0;
  const offsets = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) {
    const code = codes[row] as number;
    const bytes = isThere(row) ? (from[code + 1] as number) - (from[code] as number) : 0;
    offsets[row + 1] = (offsets[row] as number) + bytes;
  }
  const values = new Uint8Array(offsets[rows] as number);
  for (let row = 0; row < rows; row++) {
    const code = codes[row] as number;
    if (isThere(row)) values.set(child.values.subarray(from[code], from[code + 1]), offsets[row]);
  }
  return { ...column, type: 'utf8', offsets: new Uint8Array(offsets.buffer), values, child: undefined };
}
