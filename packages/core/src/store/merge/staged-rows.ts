/** Rows that a write has staged: where the bounds of stored row groups lie among them, and reading them in order. */
import type { Batch, Column } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { compareOrdered, type OrderedValue, orderedValue } from '../../formats/ordered-value.ts';
import type { Arena } from '../../memory/contract.ts';
import { parseChecksums } from '../files/checksum-text.ts';
import type { StagedFile } from '../files/dataset-file.ts';
import { type FileBatchesOptions, fileBatches } from '../files/file-batches.ts';
import { exactText } from '../log/delta-stats.ts';
import type { NewRows } from './merge-plan.ts';

type Side = 'lower' | 'upper';

/** A place inside a file, to be found by reading it. */
interface Sought {
  bound: OrderedValue;
  side: Side;
}

function isBehind(value: OrderedValue, { bound, side }: Sought): boolean {
  const order = compareOrdered(value, bound);
  return side === 'lower' ? order >= 0 : order > 0;
}

/** Positions of bounds among the staged rows. */
export class StagedPositions implements NewRows {
  readonly rows: number;
  readonly #files: readonly StagedFile[];
  /** Row at which each file begins. */
  readonly #starts: number[] = [];
  readonly #found = new Map<string, number>();
  readonly #values = new Map<number, OrderedValue>();

  constructor(files: readonly StagedFile[]) {
    this.#files = files;
    let rows = 0;
    for (const file of files) {
      this.#starts.push(rows);
      this.#values.set(rows, file.min);
      rows += file.rows;
      this.#values.set(rows - 1, file.max);
    }
    this.rows = rows;
  }

  /** Bounds whose place only the rows themselves tell, by file. */
  unknown(bounds: readonly OrderedValue[]): Map<number, Sought[]> {
    const sought = new Map<number, Sought[]>();
    for (const bound of bounds) {
      for (const side of ['lower', 'upper'] as const) {
        const file = this.#fileOf({ bound, side });
        if (file < this.#files.length && !isBehind(this.#files[file]?.min ?? 0, { bound, side }))
          sought.set(file, [...(sought.get(file) ?? []), { bound, side }]);
      }
    }
    return sought;
  }

  /** The first file with a row behind a bound. */
  #fileOf(sought: Sought): number {
    let [low, high] = [0, this.#files.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBehind(this.#files[middle]?.max ?? 0, sought)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Finds all bounds. Reads the ordered column of the files that tell. @throws as reading does */
  async find(
    source: Omit<FileBatchesOptions, 'columns'>,
    orderedOn: string,
    bounds: readonly OrderedValue[],
  ): Promise<void> {
    for (const [index, sought] of this.unknown(bounds)) {
      const file = this.#files[index] as StagedFile;
      const checked = { path: file.path, checksums: parseChecksums(file.checksums) };
      let row = this.#starts[index] ?? 0;
      for await (const batch of fileBatches({ ...source, columns: [orderedOn] }, checked)) {
        for (const each of sought) this.#locate(source.arena, batch.columns[0] as Column, row, each);
        row += batch.rows;
        batch.release();
      }
    }
  }

  #locate(arena: Arena, column: Column, firstRow: number, sought: Sought): void {
    const name = nameOf(sought);
    if (this.#found.has(name)) return;
    let [low, high] = [0, column.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBehind(orderedValue(arena, column, middle), sought)) high = middle;
      else low = middle + 1;
    }
    // The row before may be the last of this batch, when the place is the first of the next.
    if (low > 0) this.#values.set(firstRow + low - 1, orderedValue(arena, column, low - 1));
    if (low === column.length) return;
    this.#values.set(firstRow + low, orderedValue(arena, column, low));
    this.#found.set(name, firstRow + low);
  }

  lower(bound: OrderedValue): number {
    return this.#place({ bound, side: 'lower' });
  }

  upper(bound: OrderedValue): number {
    return this.#place({ bound, side: 'upper' });
  }

  #place(sought: Sought): number {
    return this.#found.get(nameOf(sought)) ?? this.#starts[this.#fileOf(sought)] ?? this.rows;
  }

  valueAt(row: number): OrderedValue {
    const value = this.#values.get(row);
    if (value === undefined) throw new TypeError(`row ${row} is not beside a bound`);
    return value;
  }

  /** Rows of neighbouring files. */
  rowsOf(files: readonly number[]): { firstRow: number; endRow: number } {
    const last = files.at(-1) as number;
    return {
      firstRow: this.#starts[files[0] as number] as number,
      endRow: (this.#starts[last] as number) + (this.#files[last] as StagedFile).rows,
    };
  }

  /** The files that make up rows [first, end), or undefined when these cut one. */
  wholeFiles(first: number, end: number): number[] | undefined {
    const files = this.#starts.flatMap((start, i) => (start >= first && start < end ? [i] : []));
    const rows = files.reduce((sum, i) => sum + (this.#files[i]?.rows ?? 0), 0);
    // As many rows as were asked for may be others, where both ends are cut.
    const startsThere = files[0] === undefined || this.#starts[files[0]] === first;
    return startsThere && rows === end - first ? files : undefined;
  }
}

function nameOf({ bound, side }: Sought): string {
  return `${side} ${exactText(bound)}`;
}

/** Reads staged rows once, from first to last; rows that are not asked for are passed over, without reading whole files. */
export class StagedReader {
  readonly #files: readonly StagedFile[];
  readonly #source: FileBatchesOptions;
  /** Rows before the file at hand, and the number of the next row of it. */
  #file = 0;
  #fileStart = 0;
  #row = 0;
  #batches: AsyncGenerator<Batch, void, undefined> | undefined;
  #batch: Batch | undefined;
  /** Rows of `#batch` that were given. */
  #given = 0;

  constructor(source: FileBatchesOptions, files: readonly StagedFile[]) {
    this.#source = source;
    this.#files = files;
  }

  /** Rows [first, end), which are behind those asked for before. The batches are the caller's. */
  async *rows(first: number, end: number): AsyncGenerator<Batch, void, undefined> {
    while (this.#row < end) {
      const batch = await this.#next(first);
      const skip = Math.max(0, first - this.#row);
      const left = batch.rows - this.#given;
      const taken = Math.min(left, end - this.#row);
      const from = this.#given + Math.min(skip, taken);
      const rows = this.#given + taken - from;
      this.#given += taken;
      this.#row += taken;
      const { arena, owner } = this.#source;
      if (rows > 0) yield sliceBatch(arena, owner, batch, from, rows);
    }
  }

  /** The batch that has row `#row`, or the first of a later file when whole files may be passed over. */
  async #next(first: number): Promise<Batch> {
    for (;;) {
      if (this.#batch !== undefined && this.#given < this.#batch.rows) return this.#batch;
      this.#batch?.release();
      this.#batch = undefined;
      this.#given = 0;
      if (this.#batches === undefined) this.#passOver(first);
      const file = this.#files[this.#file];
      if (file === undefined) throw new TypeError('more rows were asked for than are staged');
      this.#batches ??= fileBatches(this.#source, { path: file.path, checksums: parseChecksums(file.checksums) });
      const next = await this.#batches.next();
      if (next.done !== true) {
        this.#batch = next.value;
        continue;
      }
      this.#batches = undefined;
      this.#fileStart += file.rows;
      this.#file += 1;
    }
  }

  #passOver(first: number): void {
    for (let file = this.#files[this.#file]; file !== undefined; file = this.#files[this.#file]) {
      if (this.#fileStart + file.rows > first) break;
      this.#fileStart += file.rows;
      this.#file += 1;
    }
    this.#row = Math.max(this.#row, this.#fileStart);
  }

  async close(): Promise<void> {
    this.#batch?.release();
    this.#batch = undefined;
    await this.#batches?.return();
  }
}
