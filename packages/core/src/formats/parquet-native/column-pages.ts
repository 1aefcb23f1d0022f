/**
 * One column of a row group, decoded page by page, and handed out by rows: the caller asks for so many, and pages are decoded as they
 * are needed. What a page holds stays until the next one is wanted.
 */
import type { Ptr } from '../../memory/contract.ts';
import type { ParsedType } from '../../schema/types.ts';
import type { ParquetChunk } from '../parquet-info.ts';
import type { ParquetLeaf } from '../parquet-schema.ts';
import type { OpenFile } from '../read-fully.ts';
import { ChunkPages, type Page } from './chunk-pages.ts';
import { PageProblem } from './page-error.ts';
import { type PageMemory, Region } from './page-memory.ts';

/** Encodings by their numbers. */
export const ENCODING = {
  plain: 0,
  plainDictionary: 2,
  rle: 3,
  delta: 5,
  deltaLengths: 6,
  deltaTexts: 7,
  dictionary: 8,
  streams: 9,
} as const;

/** Values that pages point to: those of the dictionary, or of the page itself where some rows are null. */
interface Values {
  count: number;
  at: Ptr;
  /** Of texts, from 0. */
  offsets: Ptr;
}

/** A page as rows. */
interface DecodedPage extends Values {
  rows: number;
  /** 0 when no row is null. */
  validity: Ptr;
  nulls: number;
  /** u32 for each row into `at`, where values are not simply one after the other; 0 where they are. */
  indices: Ptr;
  /** Whether all indices were found to be of values. */
  isChecked: boolean;
}

/** Where a column goes beside the memory in which it is decoded. */
export interface Target {
  u8: Uint8Array;
  at: Ptr;
}

/** How values lie in memory. Truths are u32 each. */
export type Layout = { kind: 'bits' } | { kind: 'fixed'; width: number } | { kind: 'text' };

/** A piece of a column, gathered. */
export interface GatheredColumn {
  values: Region;
  offsets: Region;
  validity: Region;
  valueBytes: number;
  nulls: number;
}

/** Where a column lies in a row group. */
export interface ColumnPlace {
  chunk: ParquetChunk;
  leaf: ParquetLeaf;
  /** CRC-32 of the chunk, where it is known. */
  checksum: number | undefined;
}

export class ColumnPages {
  readonly layout: Layout;
  readonly gathered: GatheredColumn;
  readonly #memory: PageMemory;
  readonly #leaf: ParquetLeaf;
  readonly #isText: boolean;
  readonly #pages: ChunkPages;
  readonly #regions: Record<
    'levels' | 'validity' | 'codes' | 'indices' | 'values' | 'offsets' | 'dictionary' | 'keys' | 'more',
    Region
  >;
  #dictionary: Values | undefined;
  /** Bytes of its longest text. */
  #longest = 0;
  #page: DecodedPage | undefined;
  #row = 0;
  /** Where the rows of the next page go, in the same memory, if it has no more of them than there is room for. */
  #place: Ptr = 0;
  #room = 0;

  constructor(memory: PageMemory, file: OpenFile, { chunk, leaf, checksum }: ColumnPlace, type: ParsedType) {
    this.#memory = memory;
    this.#leaf = leaf;
    this.#isText = type.domain === 'utf8';
    this.layout =
      type.physical === 'bits'
        ? { kind: 'bits' }
        : type.physical === 'variable'
          ? { kind: 'text' }
          : { kind: 'fixed', width: physicalWidth(leaf) };
    this.#pages = new ChunkPages(memory, file, chunk, checksum);
    const region = (): Region => new Region(memory);
    this.#regions = {
      levels: region(),
      validity: region(),
      codes: region(),
      indices: region(),
      values: region(),
      offsets: region(),
      dictionary: region(),
      keys: region(),
      more: region(),
    };
    this.gathered = { values: region(), offsets: region(), validity: region(), valueBytes: 0, nulls: 0 };
  }

  /** Whether rows may be null. */
  get isOptional(): boolean {
    return this.#leaf.isOptional;
  }

  /**
   * Puts the next rows together in `gathered`; values of fixed width in `target`, where there is one.
   * @throws PageProblem, ERR_FILE_FORMAT, ERR_FILE_TRUNCATED
   */
  gather(rows: number, target?: Target): void {
    const { gathered } = this;
    gathered.valueBytes = 0;
    gathered.nulls = 0;
    gathered.validity.ensure(Math.ceil(rows / 8) + 8);
    const isHere = target !== undefined && target.u8 === this.#memory.u8;
    if (this.layout.kind === 'text') gathered.offsets.ensure(4 * (rows + 1));
    else if (!isHere)
      gathered.values.ensure(this.layout.kind === 'bits' ? Math.ceil(rows / 8) + 8 : rows * this.layout.width);
    for (let row = 0; row < rows; ) {
      this.#room = isHere ? rows - row : 0;
      if (isHere) this.#place = target.at + row * (this.layout as { width: number }).width;
      const page = this.#current();
      const count = Math.min(rows - row, page.rows - this.#row);
      this.#copy(page, this.#row, count, row, target);
      this.#row += count;
      row += count;
    }
  }

  /** That the bytes of the column are those that were written, read or not. @throws ERR_STORE_CORRUPT */
  verify(): void {
    this.#pages.verify();
  }

  #current(): DecodedPage {
    while (this.#page === undefined || this.#row === this.#page.rows) {
      const page = this.#pages.next();
      if (page === undefined) throw new PageProblem('a column has fewer rows than its row group');
      this.#row = 0;
      if (page.isDictionary) this.#readDictionary(page);
      else this.#page = this.#decode(page);
    }
    return this.#page;
  }

  /** Rows [from, from + count) of a page, to row `to` of the piece. */
  #copy(page: DecodedPage, from: number, count: number, to: number, target: Target | undefined): void {
    const { gathered, layout } = this;
    const decoders = this.#memory.decoders;
    decoders.copyBits(page.validity, from, count, gathered.validity.at, to);
    if (page.nulls > 0) gathered.nulls += count - decoders.popcount(page.validity, from, count);
    const indices = page.indices === 0 ? 0 : page.indices + 4 * from;
    if (layout.kind === 'bits') {
      const bits = this.#regions.more.ensure(Math.ceil(count / 8) + 8);
      decoders.packBits(page.at + 4 * from, count, bits);
      decoders.copyBits(bits, 0, count, gathered.values.at, to);
    } else if (layout.kind === 'fixed') {
      const { width } = layout;
      const isHere = target !== undefined && target.u8 === this.#memory.u8;
      const out = (isHere ? target.at : gathered.values.at) + to * width;
      if (indices !== 0) this.#take(page, indices, count, out);
      const at = indices === 0 ? page.at + from * width : out;
      if (target !== undefined && !isHere) target.u8.set(this.#memory.view(at, count * width), target.at + to * width);
      else if (at !== out) decoders.copyBytes(at, count * width, out);
    } else if (indices !== 0 && page.nulls === 0 && this.#longest <= SHORT_TEXT)
      this.#takeShort(page, indices, count, to);
    else this.#copyTexts(page, from, count, to, indices);
  }

  #take({ at, count, isChecked }: DecodedPage, indices: Ptr, rows: number, out: Ptr): void {
    const { width } = this.layout as { width: number };
    const { decoders } = this.#memory;
    if (isChecked) decoders.take(width, at, indices, rows, out);
    else if (decoders.takeWithin(width, at, count, indices, rows, out) === 0)
      throw new PageProblem('a number beyond the dictionary');
  }

  #copyTexts(page: DecodedPage, from: number, count: number, to: number, indices: Ptr): void {
    const { gathered } = this;
    const decoders = this.#memory.decoders;
    const before = gathered.valueBytes;
    const offsets = gathered.offsets.at + 4 * to;
    const start = indices === 0 ? this.#memory.uint32(page.offsets + 4 * from) : 0;
    const bytes =
      indices === 0
        ? this.#memory.uint32(page.offsets + 4 * (from + count)) - start
        : decoders.takeVariableBytes(page.offsets, indices, count);
    if (before + bytes >= 2 ** 31) throw new PageProblem('texts of more than 2 GiB');
    const values = gathered.values.ensure(before + bytes, before);
    if (indices === 0) {
      this.#memory.u8.copyWithin(values + before, page.at + start, page.at + start + bytes);
      decoders.moveOffsets(page.offsets, from, count, before, offsets);
    } else {
      decoders.takeVariable(page.offsets, page.at, indices, count, offsets, values + before);
      if (before > 0) decoders.moveOffsets(offsets, 0, count, before, offsets);
    }
    gathered.valueBytes = before + bytes;
  }

  /** Room is left as if all were as long as the longest, which is little. */
  #takeShort(page: DecodedPage, indices: Ptr, count: number, to: number): void {
    const { gathered } = this;
    const before = gathered.valueBytes;
    const values = gathered.values.ensure(before + count * this.#longest, before);
    const offsets = gathered.offsets.at + 4 * to;
    const { decoders } = this.#memory;
    gathered.valueBytes = decoders.takeShortTexts(page.offsets, page.at, indices, count, before, offsets, values);
  }

  #readDictionary(page: Page): void {
    if (page.encoding !== ENCODING.plain && page.encoding !== ENCODING.plainDictionary)
      throw new PageProblem(`a dictionary in encoding ${page.encoding}`);
    if (this.#dictionary !== undefined || this.layout.kind === 'bits') throw new PageProblem('a second dictionary');
    const { dictionary, keys } = this.#regions;
    this.#dictionary = this.#plain(page.at, page.end, page.values, dictionary, keys, true);
    if (this.layout.kind === 'text')
      this.#longest = this.#memory.decoders.longestText(this.#dictionary.offsets, this.#dictionary.count) >>> 0;
  }

  #decode(page: Page): DecodedPage {
    const rows = page.values;
    const { validity, nulls, at } = this.#levels(page);
    const present = rows - nulls;
    if (page.encoding === ENCODING.dictionary || page.encoding === ENCODING.plainDictionary)
      return this.#pointing(page, at, present, validity, nulls);
    if (nulls > 0) this.#room = 0;
    const values = this.#values(page, at, present);
    if (nulls === 0) return decoded(values, rows, validity, nulls, 0);
    const indices = this.#regions.indices.ensure(4 * rows);
    const isBits = this.layout.kind === 'bits';
    this.#memory.decoders.spreadIndices(validity, rows, isBits ? values.at : 0, indices);
    return isBits
      ? decoded({ ...values, at: indices }, rows, validity, nulls, 0)
      : decoded(values, rows, validity, nulls, indices);
  }

  /** Which rows are there, and where the values begin. */
  #levels(page: Page): { validity: Ptr; nulls: number; at: Ptr } {
    const { levels, values: rows } = page;
    const isSecond = levels !== undefined && levels.at !== page.at;
    if (!this.#leaf.isOptional) {
      if (levels !== undefined && levels.end > levels.at) throw new PageProblem('levels in a column that needs none');
      if ((page.nulls ?? 0) !== 0) throw new PageProblem('nulls in a column that has none');
      return { validity: 0, nulls: 0, at: page.at };
    }
    if (levels === undefined || levels.encoding !== ENCODING.rle)
      throw new PageProblem(`levels in encoding ${levels?.encoding}`);
    let { at, end } = levels;
    if (!isSecond && levels.end === levels.at) {
      if (page.end - page.at < 4) throw new PageProblem('levels that do not fit their page');
      const bytes = this.#memory.uint32(page.at);
      at = page.at + 4;
      end = at + bytes;
      if (end > page.end) throw new PageProblem('levels that do not fit their page');
    }
    const valuesAt = !isSecond && levels.end === levels.at ? end : page.at;
    const { decoders } = this.#memory;
    if (decoders.isOneRun(at, end, rows) === 1) {
      if ((page.nulls ?? 0) !== 0) throw new PageProblem('another number of nulls than its header says');
      return { validity: 0, nulls: 0, at: valuesAt };
    }
    const numbers = this.#regions.levels.ensure(4 * rows);
    if (rows > 0 && decoders.hybridDecode(at, end, 1, rows, numbers) === 0) throw new PageProblem('damaged levels');
    const validity = this.#regions.validity.ensure(Math.ceil(rows / 8) + 8);
    const ones = decoders.packBits(numbers, rows, validity);
    const nulls = rows - ones;
    if (ones < 0 || (page.nulls !== undefined && page.nulls !== nulls))
      throw new PageProblem('another number of nulls than its header says');
    return { validity: nulls === 0 ? 0 : validity, nulls, at: valuesAt };
  }

  /** Values of the dictionary by their numbers. */
  #pointing(page: Page, at: Ptr, present: number, validity: Ptr, nulls: number): DecodedPage {
    const dictionary = this.#dictionary;
    const { decoders } = this.#memory;
    if (dictionary === undefined) throw new PageProblem('no dictionary');
    const codes = this.#regions.codes.ensure(4 * Math.max(present, 1));
    // Values of these widths are taken by a kernel that looks at the numbers itself.
    const isChecked = nulls > 0 || this.layout.kind !== 'fixed' || (this.layout.width !== 4 && this.layout.width !== 8);
    if (present > 0) {
      const width = at < page.end ? (this.#memory.u8[at] as number) : -1;
      const decoded = width < 0 || width > 32 ? 0 : decoders.hybridDecode(at + 1, page.end, width, present, codes);
      if (decoded === 0) throw new PageProblem('damaged numbers of values');
      const isWithin = !isChecked || decoders.greatestIndex(codes, present) >>> 0 < dictionary.count;
      if (!isWithin) throw new PageProblem('a number beyond the dictionary');
    }
    if (nulls === 0) return decoded(dictionary, page.values, validity, nulls, codes, isChecked);
    const indices = this.#regions.indices.ensure(4 * page.values);
    decoders.spreadIndices(validity, page.values, codes, indices);
    return decoded(dictionary, page.values, validity, nulls, indices);
  }

  #values(page: Page, at: Ptr, count: number): Values {
    const { values, offsets } = this.#regions;
    const { kind } = this.layout;
    switch (page.encoding) {
      case ENCODING.plain:
        return this.#plain(at, page.end, count, values, offsets, false);
      case ENCODING.rle:
        if (kind === 'bits') return this.#runs(at, page.end, count);
        break;
      case ENCODING.delta:
        if (kind === 'fixed' && (this.#leaf.physical === 1 || this.#leaf.physical === 2))
          return this.#deltas(at, page.end, count);
        break;
      case ENCODING.streams:
        if (kind === 'fixed')
          return this.#streams(at, page.end, count, this.layout.kind === 'fixed' ? this.layout.width : 0);
        break;
      case ENCODING.deltaLengths:
        if (kind === 'text') return this.#lengths(at, page.end, count);
        break;
      case ENCODING.deltaTexts:
        if (kind === 'text') return this.#prefixed(at, page.end, count);
        break;
    }
    throw new PageProblem(`encoding ${page.encoding}`);
  }

  #plain(at: Ptr, end: Ptr, count: number, values: Region, offsets: Region, isKept: boolean): Values {
    const { decoders } = this.#memory;
    if (this.layout.kind === 'bits') {
      if (end - at < Math.ceil(count / 8)) throw new PageProblem('a page that is too short');
      const out = values.ensure(4 * Math.max(count, 1));
      decoders.castBits(at, U32, count, out);
      return { count, at: out, offsets: 0 };
    }
    if (this.layout.kind === 'fixed') {
      const bytes = count * this.layout.width;
      if (end - at < bytes) throw new PageProblem('a page that is too short');
      // The bytes of a page are gone when the next one is read, and kernels want them aligned.
      if (!isKept && at % this.layout.width === 0) return { count, at, offsets: 0 };
      const out = values.ensure(bytes);
      this.#memory.u8.copyWithin(out, at, at + bytes);
      return { count, at: out, offsets: 0 };
    }
    const starts = offsets.ensure(4 * (count + 1));
    const out = values.ensure(Math.max(0, end - at));
    if (decoders.plainTexts(at, end, count, starts, out) === 0) throw new PageProblem('damaged texts');
    return this.#checked({ count, at: out, offsets: starts });
  }

  #runs(at: Ptr, end: Ptr, count: number): Values {
    if (end - at < 4) throw new PageProblem('a page that is too short');
    const bytes = this.#memory.uint32(at);
    const out = this.#regions.values.ensure(4 * Math.max(count, 1));
    const isFine =
      at + 4 + bytes <= end &&
      (count === 0 || this.#memory.decoders.hybridDecode(at + 4, at + 4 + bytes, 1, count, out) !== 0);
    if (!isFine) throw new PageProblem('damaged runs');
    return { count, at: out, offsets: 0 };
  }

  #deltas(at: Ptr, end: Ptr, count: number): Values {
    const { width } = this.layout as { width: number };
    // Of eight bytes nothing is written behind the last; a page is used up before the place is another one's.
    const isPlaced = width === 8 && count > 0 && count <= this.#room;
    const out = isPlaced ? this.#place : this.#regions.values.ensure(count * width + 16);
    if (this.#memory.decoders.deltaDecode(at, end, count, width, out) === 0)
      throw new PageProblem('damaged differences');
    return { count, at: out, offsets: 0 };
  }

  #streams(at: Ptr, end: Ptr, count: number, width: number): Values {
    if (end - at < count * width) throw new PageProblem('a page that is too short');
    const out = this.#regions.values.ensure(count * width);
    this.#memory.decoders.streamsDecode(at, count, width, out);
    return { count, at: out, offsets: 0 };
  }

  #lengths(at: Ptr, end: Ptr, count: number): Values {
    const { decoders } = this.#memory;
    const offsets = this.#regions.offsets.ensure(4 * (count + 1) + 16);
    const behind = decoders.deltaDecode(at, end, count, 4, offsets);
    const bytes = behind === 0 ? -1 : decoders.sumLengths(offsets, count);
    if (bytes < 0 || bytes > end - behind) throw new PageProblem('damaged lengths');
    const out = this.#regions.values.ensure(bytes);
    this.#memory.u8.copyWithin(out, behind, behind + bytes);
    return this.#checked({ count, at: out, offsets });
  }

  #prefixed(at: Ptr, end: Ptr, count: number): Values {
    const { decoders } = this.#memory;
    const { levels, more, offsets, values } = this.#regions;
    const [prefixes, suffixes] = [levels.ensure(4 * count + 16), more.ensure(4 * count + 16)];
    const middle = decoders.deltaDecode(at, end, count, 4, prefixes);
    const texts = middle === 0 ? 0 : decoders.deltaDecode(middle, end, count, 4, suffixes);
    const bytes = texts === 0 ? -1 : decoders.prefixedBytes(prefixes, suffixes, count);
    if (bytes < 0) throw new PageProblem('damaged lengths');
    const starts = offsets.ensure(4 * (count + 1));
    const out = values.ensure(bytes);
    if (decoders.prefixedTexts(texts, end, prefixes, suffixes, count, starts, out) === 0)
      throw new PageProblem('damaged texts');
    return this.#checked({ count, at: out, offsets: starts });
  }

  /** Texts are UTF-8, each of them. */
  #checked(values: Values): Values {
    if (!this.#isText) return values;
    const { decoders } = this.#memory;
    const bytes = this.#memory.uint32(values.offsets + 4 * values.count);
    const isText =
      decoders.utf8Check(values.at, 0, bytes) === bytes &&
      decoders.beginCharacters(values.offsets, values.count, values.at) === 1;
    if (!isText) throw new PageProblem('a text that is not UTF-8');
    return values;
  }
}

function decoded(
  { count, at, offsets }: Values,
  rows: number,
  validity: Ptr,
  nulls: number,
  indices: Ptr,
  isChecked = true,
): DecodedPage {
  return { count, at, offsets, rows, validity, nulls, indices, isChecked };
}

/** Bytes of texts that are taken all at once. */
const SHORT_TEXT = 16;

/** Code of u32 in the kernels. */
const U32 = 6;

/** Bytes of a value in a page. */
export function physicalWidth({ physical, width }: ParquetLeaf): number {
  if (physical === 1 || physical === 4) return 4;
  return physical === 2 || physical === 5 ? 8 : width;
}
