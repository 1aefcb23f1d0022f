/** The pages of one column chunk, one after the other: found, read, checked against their checksums, decompressed. */
import { crc32 } from 'node:zlib';
import { PipelineError } from '../../errors.ts';
import type { Ptr } from '../../memory/contract.ts';
import { joinCrc32 } from '../crc32-join.ts';
import type { ParquetChunk } from '../parquet-info.ts';
import { changedChunk } from '../range-file.ts';
import { type OpenFile, readFully } from '../read-fully.ts';
import { decodeThriftStructAt, numberField, structField, type ThriftStruct } from '../thrift-compact.ts';
import { CODEC } from './codecs.ts';
import { PageProblem } from './page-error.ts';
import { type PageMemory, Region } from './page-memory.ts';

/** Bytes that are read at a time. */
const WINDOW_BYTES = 256 * 1024;
/** Statistics in a header can be long; longer ones are somebody else's business. */
const MOST_HEADER_BYTES = 64 * 1024;
const MOST_PAGE_BYTES = 2 ** 30;
/** No codec makes less than a byte of so many: a block of 128 KiB takes Zstandard four. */
const MOST_RATIO = 32_768;

const DATA = 0;
const DICTIONARY = 2;
const DATA_V2 = 3;

/** A page, with its bytes in memory until the next one is read. */
export interface Page {
  isDictionary: boolean;
  values: number;
  encoding: number;
  /** Levels of version 2 lie before the values; in version 1 with them. */
  levels: { at: Ptr; end: Ptr; encoding: number } | undefined;
  nulls: number | undefined;
  at: Ptr;
  end: Ptr;
}

export class ChunkPages {
  readonly #memory: PageMemory;
  readonly #file: OpenFile;
  readonly #chunk: ParquetChunk;
  readonly #window: Region;
  readonly #body: Region;
  /** Bytes of the file that the window holds. */
  #from = 0;
  #to = 0;
  #next: number;
  readonly #checksum: number | undefined;
  /** Of the bytes of the chunk before `#summedTo`. */
  #sum = 0;
  #summedTo: number;

  /** @param checksum CRC-32 of the whole chunk, where it is known: compared as the bytes are read */
  constructor(memory: PageMemory, file: OpenFile, chunk: ParquetChunk, checksum: number | undefined) {
    this.#memory = memory;
    this.#file = file;
    this.#chunk = chunk;
    this.#checksum = checksum;
    this.#summedTo = chunk.offset;
    this.#window = new Region(memory);
    this.#body = new Region(memory);
    this.#next = chunk.offset;
  }

  /** The next page; undefined behind the last. @throws PageProblem, ERR_FILE_FORMAT (checksum), ERR_FILE_TRUNCATED */
  next(): Page | undefined {
    const end = this.#chunk.offset + this.#chunk.bytes;
    while (this.#next < end) {
      const { header, bytes } = this.#header(end);
      this.#addToSum(this.#next, bytes);
      const size = numberField(header, 3) ?? -1;
      const dataFrom = this.#next + bytes;
      if (size < 0 || dataFrom + size > end) throw new PageProblem('a page reaches beyond its chunk');
      const at = this.#need(dataFrom, size);
      this.#next = dataFrom + size;
      this.#check(header, at, size);
      const page = this.#page(header, at, size);
      if (page !== undefined) return page;
    }
    return undefined;
  }

  /** Compares what was read with the checksum of the chunk, reading what is left of it first. @throws ERR_STORE_CORRUPT */
  verify(): void {
    if (this.#checksum === undefined) return;
    const end = this.#chunk.offset + this.#chunk.bytes;
    while (this.#summedTo < end) this.#addToSum(this.#summedTo, Math.min(WINDOW_BYTES, end - this.#summedTo));
    if (this.#sum !== this.#checksum) throw changedChunk(this.#file.path, this.#chunk.column);
  }

  #header(end: number): { header: ThriftStruct; bytes: number } {
    const most = Math.min(MOST_HEADER_BYTES, end - this.#next);
    const at = this.#need(this.#next, most);
    try {
      const { fields, end: behind } = decodeThriftStructAt(this.#memory.view(at, most), 0);
      return { header: fields, bytes: behind };
    } catch (error) {
      throw new PageProblem(`a page header is damaged: ${(error as Error).message}`);
    }
  }

  /** What a page says of itself also goes into the sum of its chunk, so that its bytes are looked at once. */
  #check(header: ThriftStruct, at: Ptr, size: number): void {
    const stored = numberField(header, 4);
    if (stored === undefined) return this.#addToSum(this.#next - size, size);
    const found = crc32(this.#memory.view(at, size));
    if (this.#checksum !== undefined) {
      this.#sum = joinCrc32(this.#sum, found, size);
      this.#summedTo += size;
    }
    if (found === stored >>> 0) return;
    throw new PipelineError(
      'ERR_FILE_FORMAT',
      `${this.#file.path}: a page of column "${this.#chunk.column}" does not match its checksum`,
      {
        file: this.#file.path,
        column: this.#chunk.column,
        hint: 'the file is damaged: restore it, or write it again',
      },
    );
  }

  #page(header: ThriftStruct, at: Ptr, size: number): Page | undefined {
    const kind = numberField(header, 1);
    const whole = numberField(header, 2) ?? -1;
    if (whole < 0 || whole > Math.min(MOST_PAGE_BYTES, size * MOST_RATIO))
      throw new PageProblem(`a page of ${whole} bytes`);
    const head = structField(header, kind === DATA ? 5 : kind === DICTIONARY ? 7 : 8);
    if (kind !== DATA && kind !== DICTIONARY && kind !== DATA_V2) return undefined;
    if (head === undefined) throw new PageProblem('a page without the header of its kind');
    const values = numberField(head, 1) ?? -1;
    const encoding = numberField(head, kind === DATA_V2 ? 4 : 2) ?? -1;
    if (values < 0) throw new PageProblem(`a page of ${values} values`);
    if (kind === DATA_V2) return this.#secondVersion(head, { values, encoding }, at, size, whole);
    const body = this.#decompressed(at, size, whole);
    const levels = kind === DATA ? { at: body, end: body, encoding: numberField(head, 3) ?? -1 } : undefined;
    return {
      isDictionary: kind === DICTIONARY,
      values,
      encoding,
      levels,
      nulls: undefined,
      at: body,
      end: body + whole,
    };
  }

  #secondVersion(
    head: ThriftStruct,
    { values, encoding }: Pick<Page, 'values' | 'encoding'>,
    at: Ptr,
    size: number,
    whole: number,
  ): Page {
    const levelBytes = numberField(head, 5) ?? 0;
    const repetitionBytes = numberField(head, 6) ?? 0;
    if (repetitionBytes !== 0 || levelBytes < 0 || levelBytes > size || levelBytes > whole)
      throw new PageProblem('levels that do not fit their page');
    const levels = { at, end: at + levelBytes, encoding: 3 };
    const isCompressed = head.get(7) !== false;
    const [rest, restWhole] = [size - levelBytes, whole - levelBytes];
    if (!isCompressed && rest !== restWhole) throw new PageProblem('a plain page of two sizes');
    // An empty page may be empty bytes, which are nothing that a codec writes.
    const isThere = isCompressed && rest > 0;
    if (rest === 0 && restWhole !== 0) throw new PageProblem('a page without bytes');
    const body = isThere ? this.#decompressed(at + levelBytes, rest, restWhole) : at + levelBytes;
    const nulls = numberField(head, 2);
    return { isDictionary: false, values, encoding, levels, nulls, at: body, end: body + restWhole };
  }

  #decompressed(at: Ptr, size: number, whole: number): Ptr {
    const { codec } = this.#chunk;
    if (codec === CODEC.none) {
      if (size !== whole) throw new PageProblem('a plain page of two sizes');
      return at;
    }
    const body = this.#body.ensure(whole);
    const { decoders } = this.#memory;
    const written =
      codec === CODEC.zstd
        ? decoders.zstdDecode(this.#memory.zstdScratch(), at, at + size, body, whole)
        : decoders[codec === CODEC.snappy ? 'snappyDecode' : 'lz4Decode'](at, at + size, body, whole);
    if (written !== whole) throw new PageProblem('a page that does not decompress');
    return body;
  }

  /** Where bytes of the file lie. @throws ERR_FILE_TRUNCATED, ERR_IO */
  #need(from: number, bytes: number): Ptr {
    if (from < this.#from || from + bytes > this.#to) this.#fill(from, bytes);
    return this.#window.at + (from - this.#from);
  }

  #fill(from: number, bytes: number): void {
    const end = this.#chunk.offset + this.#chunk.bytes;
    const wanted = Math.min(Math.max(bytes, WINDOW_BYTES), end - from);
    const at = this.#window.ensure(wanted);
    readFully(this.#file, this.#memory.u8, at, wanted, from);
    this.#from = from;
    this.#to = from + wanted;
  }

  /** The bytes that follow those summed so far. */
  #addToSum(from: number, bytes: number): void {
    if (this.#checksum === undefined) return;
    this.#sum = crc32(this.#memory.view(this.#need(from, bytes), bytes), this.#sum);
    this.#summedTo = from + bytes;
  }
}
