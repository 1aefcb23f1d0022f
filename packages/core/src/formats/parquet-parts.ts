/**
 * A Parquet file that is written in parts, so that its writer can go on behind a part after a crash. An encoder has no state
 * that could be kept, so each part is encoded as a file of its own, one behind the other in one file; the footer at the end names
 * the row groups of all. The parts' own footers stay between them, a few kilobytes that no reader looks at.
 */
import type { Batch } from '../batch/contract.ts';
import { DurableFile, TEMPORARY_SUFFIX } from './durable-file.ts';
import { ParquetEncoder, type WriteParquetOptions } from './parquet-encoder.ts';
import type { RowFile, RowFileMark } from './row-file.ts';
import {
  readThriftTree,
  type ThriftNode,
  type ThriftTree,
  wholeNumber,
  wholeNumberOf,
  writeThriftTree,
} from './thrift-tree.ts';

/** Fields of the footer's structs, by the numbers of the format. */
const FILE = { rows: 3, rowGroups: 4 };
const GROUP = { chunks: 1, offset: 5, ordinal: 7 };
const CHUNK = { offset: 2, meta: 3, indexes: [4, 5, 6, 7] };
/** Of data pages, index pages, dictionary page and bloom filter. */
const META_OFFSETS = [9, 10, 11, 14];
const MAGIC = [0x50, 0x41, 0x52, 0x31];
const MOST_ORDINAL = 32_767;

/** Under its own name from the start, which is a temporary one to others. After `open`, one of `end` and `abort` is called. */
export class ParquetParts implements RowFile {
  readonly #options: WriteParquetOptions;
  readonly #file: DurableFile;
  readonly #parts: number[];
  #rowsBefore: number;
  #encoder: ParquetEncoder | undefined;

  private constructor(options: WriteParquetOptions, file: DurableFile, { rows, places }: RowFileMark) {
    this.#options = options;
    this.#file = file;
    this.#rowsBefore = rows;
    this.#parts = [...places];
  }

  /** Creates the file, or goes on behind a mark: what was written later is cut off. @throws ERR_IO */
  static async open(options: WriteParquetOptions, from?: RowFileMark): Promise<ParquetParts> {
    const mark = from ?? { rows: 0, bytes: 0, places: [] };
    return new ParquetParts(options, await DurableFile.takeUp(options.path, mark.bytes), mark);
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  get rows(): number {
    return this.#rowsBefore + (this.#encoder?.rows ?? 0);
  }

  /** Encodes a batch, which stays the caller's and may be released when this resolves. @throws ERR_IO, ERR_TYPE_UNSUPPORTED */
  push(batch: Batch): Promise<void> {
    this.#encoder ??= this.#begin();
    return this.#encoder.push(batch);
  }

  #begin(): ParquetEncoder {
    this.#parts.push(this.#file.bytes);
    return new ParquetEncoder(this.#options, {
      write: (views) => this.#file.writeAll(views),
      overflowPath: `${this.#options.path}.pages${TEMPORARY_SUFFIX}`,
    });
  }

  /** Ends the part at hand and puts it on the disk. @throws ERR_IO */
  async mark(): Promise<RowFileMark> {
    await this.#endPart();
    return { rows: this.#rowsBefore, bytes: this.#file.bytes, places: [...this.#parts] };
  }

  async #endPart(): Promise<void> {
    const encoder = this.#encoder;
    if (encoder === undefined) return;
    await encoder.end();
    await this.#file.sync();
    this.#rowsBefore += encoder.rows;
    this.#encoder = undefined;
  }

  /** Writes what is left and the footer, and puts the file on the disk. @throws ERR_IO */
  async end(): Promise<{ rows: number; bytes: number }> {
    if (this.#parts.length === 0) this.#encoder = this.#begin();
    await this.#endPart();
    if (this.#parts.length > 1) await this.#file.write(joinFooters(this.#parts, await this.#footers()));
    await this.#file.seal();
    return { rows: this.#rowsBefore, bytes: this.#file.bytes };
  }

  /** Lets go of the file, which stays. */
  async abort(): Promise<void> {
    await this.#encoder?.abort();
    await this.#file.close();
  }

  async #footers(): Promise<ThriftTree[]> {
    const footers: ThriftTree[] = [];
    for (const end of [...this.#parts.slice(1), this.#file.bytes]) {
      const tail = await this.#file.read(end - 8, 8);
      const bytes = new DataView(tail.buffer).getUint32(0, true);
      footers.push(readThriftTree(await this.#file.read(end - 8 - bytes, bytes)));
    }
    return footers;
  }
}

/** The footer of a file of several parts, with its length and the mark of the format behind it. */
function joinFooters(parts: readonly number[], footers: readonly ThriftTree[]): Uint8Array {
  const joined = footers[0] as ThriftTree;
  const groups = footers.flatMap((footer, index) =>
    groupsOf(footer).map((group) => movedGroup(group, parts[index] as number)),
  );
  groups.forEach((group, index) => {
    const { fields } = group.struct as ThriftTree;
    const ordinal = fields.get(GROUP.ordinal);
    if (ordinal === undefined) return;
    if (index > MOST_ORDINAL) fields.delete(GROUP.ordinal);
    else fields.set(GROUP.ordinal, wholeNumber(ordinal.type, index));
  });
  const rows = footers.reduce((sum, footer) => sum + (wholeNumberOf(footer, FILE.rows) ?? 0), 0);
  joined.fields.set(FILE.rows, wholeNumber((joined.fields.get(FILE.rows) as ThriftNode).type, rows));
  joined.fields.set(FILE.rowGroups, { ...(joined.fields.get(FILE.rowGroups) as ThriftNode), items: groups });
  const footer = writeThriftTree(joined);
  const bytes = new Uint8Array(footer.length + 8);
  bytes.set(footer);
  new DataView(bytes.buffer).setUint32(footer.length, footer.length, true);
  bytes.set(MAGIC, footer.length + 4);
  return bytes;
}

/** Of one part. */
function groupsOf(footer: ThriftTree): ThriftNode[] {
  return footer.fields.get(FILE.rowGroups)?.items ?? [];
}

/** A row group that lies so many bytes further on. Indexes of pages hold places of their own, and are left out. */
function movedGroup(group: ThriftNode, by: number): ThriftNode {
  const tree = group.struct as ThriftTree;
  move(tree, GROUP.offset, by);
  for (const chunk of tree.fields.get(GROUP.chunks)?.items ?? []) {
    const { fields } = chunk.struct as ThriftTree;
    for (const id of CHUNK.indexes) fields.delete(id);
    move(chunk.struct as ThriftTree, CHUNK.offset, by);
    const meta = fields.get(CHUNK.meta)?.struct;
    if (meta !== undefined) for (const id of META_OFFSETS) move(meta, id, by);
  }
  return group;
}

function move(tree: ThriftTree, id: number, by: number): void {
  const at = wholeNumberOf(tree, id);
  const type = tree.fields.get(id)?.type;
  if (at !== undefined && type !== undefined && at > 0) tree.fields.set(id, wholeNumber(type, at + by));
}
