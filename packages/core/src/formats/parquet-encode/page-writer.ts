/** Pages of one column chunk: compressed, with header and checksum, appended to what is held of the column. */
import { crc32 } from 'node:zlib';
import type { Ptr } from '../../memory/contract.ts';
import { CODEC } from '../parquet-native/codecs.ts';
import { ThriftWriter } from '../thrift-writer.ts';
import { CODECS, type NativeCodec } from './encodable.ts';
import type { EncoderMemory } from './encoder-memory.ts';
import type { HeldColumn, HeldPages } from './held-pages.ts';

/** Numbers of the encodings. */
export const ENCODINGS = { plain: 0, rle: 3, delta: 5, dictionary: 8, streams: 9 } as const;

const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;
/** What either codec needs beside. */
const TABLE_BYTES: number = 64 * 1024;

/** The end of a page's body: streams of bytes of its values. */
export interface Planes {
  /** One for each byte of a value. */
  width: number;
  /** Values. */
  count: number;
}

export class PageWriter {
  /** Of the chunk, with headers. */
  uncompressedBytes = 0;
  values = 0;
  readonly encodings: Set<number> = new Set();
  readonly #memory: EncoderMemory;
  readonly #firstCodec: number;
  #codec: number;
  readonly #header = new ThriftWriter();
  readonly #held: HeldPages;
  #column: HeldColumn;

  constructor(memory: EncoderMemory, codec: NativeCodec, held: HeldPages) {
    this.#memory = memory;
    this.#firstCodec = CODECS[codec];
    this.#codec = this.#firstCodec;
    this.#held = held;
    this.#column = held.begin();
  }

  get column(): HeldColumn {
    return this.#column;
  }

  /** Number of the codec of the chunk. */
  get codec(): number {
    return this.#codec;
  }

  /** Pages of the chunk are frames of Zstandard. There are none yet. */
  useFrames(): void {
    this.#codec = CODEC.zstd;
  }

  /** A further chunk. */
  begin(): void {
    this.#codec = this.#firstCodec;
    this.#column = this.#held.begin();
    this.uncompressedBytes = 0;
    this.values = 0;
    this.encodings.clear();
  }

  /** A page whose levels and values lie at `at`. `rows` counts nulls too. */
  data(at: Ptr, bytes: number, rows: number, encoding: number, planes?: Planes): void {
    const { page, header, sum } = this.#page(at, bytes, planes, DATA_PAGE, (out) =>
      out.struct(5, (head) => head.i32(1, rows).i32(2, encoding).i32(3, ENCODINGS.rle).i32(4, ENCODINGS.rle)),
    );
    this.values += rows;
    this.encodings.add(encoding);
    this.#held.append(this.#column, header);
    this.#held.appendFrom(this.#column, page.at, page.bytes, sum);
  }

  /** The page that goes before all others, which are there already. */
  dictionary(at: Ptr, bytes: number, count: number): HeldColumn {
    const { page, header, sum } = this.#page(at, bytes, undefined, DICTIONARY_PAGE, (out) =>
      out.struct(7, (head) => head.i32(1, count).i32(2, ENCODINGS.plain)),
    );
    const column = this.#held.begin();
    this.#held.append(column, header);
    this.#held.appendFrom(column, page.at, page.bytes, sum);
    return column;
  }

  /** Bytes that a page of these values takes. */
  compressedBytes(at: Ptr, bytes: number): number {
    return this.#compress(at, bytes).bytes;
  }

  /** Bytes that these planes take in a frame. */
  frameBytes(at: Ptr, planes: Planes): number {
    return this.#frame(at, planes.width * planes.count, planes).bytes;
  }

  #page(
    at: Ptr,
    bytes: number,
    planes: Planes | undefined,
    kind: number,
    describe: (out: ThriftWriter) => void,
  ): { page: { at: Ptr; bytes: number }; header: Uint8Array; sum: number } {
    const page = this.#compress(at, bytes, planes);
    const sum = crc32(this.#memory.view(page.at, page.bytes));
    const out = this.#header
      .reset()
      .i32(1, kind)
      .i32(2, bytes)
      .i32(3, page.bytes)
      .i32(4, sum | 0);
    describe(out);
    const header = out.finish();
    this.uncompressedBytes += header.length + bytes;
    return { page, header, sum };
  }

  #compress(at: Ptr, bytes: number, planes?: Planes): { at: Ptr; bytes: number } {
    if (this.#codec === CODEC.none) return { at, bytes };
    if (this.#codec === CODEC.zstd) return this.#frame(at, bytes, planes);
    const { out, table } = this.#room(bytes);
    const end = this.#memory.kernels['snappyEncode']?.(at, bytes, table, out) ?? out;
    return { at: out, bytes: (end >>> 0) - out };
  }

  /** What is before the planes, levels, stays as it is. */
  #frame(at: Ptr, bytes: number, { width, count }: Planes = { width: 0, count: 0 }): { at: Ptr; bytes: number } {
    const { out, table } = this.#room(bytes);
    const end = this.#memory.kernels['zstdPlanes']?.(table, at, bytes - width * count, width, count, out) ?? out;
    return { at: out, bytes: (end >>> 0) - out };
  }

  #room(bytes: number): { out: Ptr; table: Ptr } {
    const { compressed, table } = this.#memory.scratch;
    return { out: compressed.ensure(640 + bytes + Math.ceil(bytes / 6)), table: table.ensure(TABLE_BYTES) };
  }
}
