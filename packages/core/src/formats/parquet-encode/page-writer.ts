/** Pages of one column chunk: compressed, with header and checksum, appended to what is held of the column. */
import { crc32 } from 'node:zlib';
import type { Ptr } from '../../memory/contract.ts';
import { ThriftWriter } from '../thrift-writer.ts';
import type { NativeCodec } from './encodable.ts';
import type { EncoderMemory } from './encoder-memory.ts';
import type { HeldColumn, HeldPages } from './held-pages.ts';

/** Numbers of the encodings. */
export const ENCODINGS = { plain: 0, rle: 3, delta: 5, dictionary: 8, streams: 9 } as const;

const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;
const SNAPPY_TABLE_BYTES: number = 64 * 1024;

export class PageWriter {
  /** Of the chunk, with headers. */
  uncompressedBytes = 0;
  values = 0;
  readonly encodings: Set<number> = new Set();
  readonly #memory: EncoderMemory;
  readonly #codec: NativeCodec;
  readonly #header = new ThriftWriter();
  readonly #held: HeldPages;
  #column: HeldColumn;

  constructor(memory: EncoderMemory, codec: NativeCodec, held: HeldPages) {
    this.#memory = memory;
    this.#codec = codec;
    this.#held = held;
    this.#column = held.begin();
  }

  get column(): HeldColumn {
    return this.#column;
  }

  /** A further chunk. */
  begin(): void {
    this.#column = this.#held.begin();
    this.uncompressedBytes = 0;
    this.values = 0;
    this.encodings.clear();
  }

  /** A page whose levels and values lie at `at`. `rows` counts nulls too. */
  data(at: Ptr, bytes: number, rows: number, encoding: number): void {
    const { page, header, sum } = this.#page(at, bytes, DATA_PAGE, (out) =>
      out.struct(5, (head) => head.i32(1, rows).i32(2, encoding).i32(3, ENCODINGS.rle).i32(4, ENCODINGS.rle)),
    );
    this.values += rows;
    this.encodings.add(encoding);
    this.#held.append(this.#column, header);
    this.#held.append(this.#column, page, sum);
  }

  /** The page that goes before all others, which are there already. */
  dictionary(at: Ptr, bytes: number, count: number): HeldColumn {
    const { page, header, sum } = this.#page(at, bytes, DICTIONARY_PAGE, (out) =>
      out.struct(7, (head) => head.i32(1, count).i32(2, ENCODINGS.plain)),
    );
    const column = this.#held.begin();
    this.#held.append(column, header);
    this.#held.append(column, page, sum);
    return column;
  }

  /** Bytes that a page of these values takes. */
  compressedBytes(at: Ptr, bytes: number): number {
    return this.#compress(at, bytes).bytes;
  }

  #page(
    at: Ptr,
    bytes: number,
    kind: number,
    describe: (out: ThriftWriter) => void,
  ): { page: Uint8Array; header: Uint8Array; sum: number } {
    const packed = this.#compress(at, bytes);
    const page = this.#memory.view(packed.at, packed.bytes);
    const sum = crc32(page);
    const out = this.#header
      .reset()
      .i32(1, kind)
      .i32(2, bytes)
      .i32(3, packed.bytes)
      .i32(4, sum | 0);
    describe(out);
    const header = out.finish();
    this.uncompressedBytes += header.length + bytes;
    return { page, header, sum };
  }

  #compress(at: Ptr, bytes: number): { at: Ptr; bytes: number } {
    if (this.#codec === 'none') return { at, bytes };
    const out = this.#memory.scratch.compressed.ensure(64 + bytes + Math.ceil(bytes / 6) + 64);
    const table = this.#memory.scratch.table.ensure(SNAPPY_TABLE_BYTES);
    const end = this.#memory.kernels['snappyEncode']?.(at, bytes, table, out) ?? out;
    return { at: out, bytes: (end >>> 0) - out };
  }
}
