/**
 * First rows of more keys than memory holds. From when the keys do not fit any more, they and the rows that may be new go to disk, in parts by
 * their hash; at the end of input each part is looked through alone: its known keys, then its rows in order. The rows that are left are
 * merged into the order in which they came. So rows come in the same order as without, only later.
 */
import { allocColumn, finishColumn } from '../../batch/alloc-batch.ts';
import type { Batch } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import type { Fields } from '../../schema/types.ts';
import type { Spill, SpilledFile, SpillFile, SpillPosition } from '../../spill/contract.ts';
import type { OperatorContext } from '../contract.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { keyPlan } from '../sort/key-words.ts';
import { mergeRuns } from '../sort/merge.ts';
import { SpilledRun } from '../sort/runs.ts';
import { KEY_FIELDS, type KeySet, type NewRows } from './key-set.ts';
import { pickRows } from './pick-rows.ts';

const PARTS = 32;
/** Leaves as many bits of a hash as number the parts. */
const PART_SHIFT = 27;
/** No column of a user is called so: it has a space in front. */
const NUMBER = ' row';
const PIECE = { rows: 8192, bytes: 2 ** 20 };

interface Part {
  file: SpillFile;
  positions: SpillPosition[];
}

interface SavedPart {
  file: SpilledFile;
  positions: SavedList;
}

/** All parts, by number; undefined where nothing was written. */
export interface SavedOverflow {
  keys: (SavedPart | undefined)[];
  rows: (SavedPart | undefined)[];
}

export class DistinctOverflow {
  readonly #context: OperatorContext;
  readonly #spill: Spill;
  readonly #positions: readonly number[];
  readonly #fields: Fields;
  readonly #numbered: Fields;
  readonly #keys: readonly Part[];
  readonly #rows: readonly Part[];
  #runs: SpilledRun[] = [];

  /** `positions`: of the columns that make a key. `from`: what another one had, that goes on here. */
  constructor(
    context: OperatorContext,
    spill: Spill,
    positions: readonly number[],
    from?: { saved: SavedOverflow; reader: SnapshotReader },
  ) {
    const { arena, inputFields, name } = context;
    this.#context = context;
    this.#spill = spill;
    this.#positions = positions;
    this.#fields = inputFields;
    this.#numbered = [...inputFields, { name: NUMBER, type: 'int64', nullable: false }];
    const part = (fields: Fields, saved: SavedPart | undefined): Part =>
      from === undefined || saved === undefined
        ? { file: spill.createFile(arena, fields, name), positions: [] }
        : { file: from.reader.file(saved.file, fields, name), positions: from.reader.list(saved.positions) };
    this.#keys = Array.from({ length: PARTS }, (_, index) => part(KEY_FIELDS, from?.saved.keys[index]));
    this.#rows = Array.from({ length: PARTS }, (_, index) => part(this.#numbered, from?.saved.rows[index]));
  }

  /** Before anything is drained: files are kept, nothing is copied. */
  async save(writer: SnapshotWriter): Promise<SavedOverflow> {
    return { keys: await saveParts(this.#keys, writer), rows: await saveParts(this.#rows, writer) };
  }

  /** Writes down keys that have been seen. @throws ERR_SPILL_LIMIT, ERR_SPILL_DISK */
  async addKeys(keys: KeySet): Promise<void> {
    for (const { batch, hashes } of keys.written()) {
      try {
        await this.#divide(
          batch,
          hashes.map((hash, row) => ({ hash, row })),
          this.#keys,
        );
      } finally {
        batch.release();
      }
    }
  }

  /** Writes down rows of a batch, which stays the caller's; `first` is the number of its first row. @throws as `addKeys` */
  async addRows(batch: Batch, { rows, hashes }: NewRows, first: number): Promise<void> {
    const numbered = this.#withNumbers(batch, first);
    try {
      await this.#divide(
        numbered,
        rows.map((row, index) => ({ row, hash: hashes[index] as number })),
        this.#rows,
      );
    } finally {
      numbered.release();
    }
  }

  /** What is left, in order, as pieces that end no logical input. `keys` is used for one part after the other. */
  async *drain(keys: KeySet): AsyncGenerator<Batch, void> {
    const { arena, owner, name } = this.#context;
    for (const [index, rows] of this.#rows.entries()) {
      const seen = this.#keys[index] as Part;
      keys.clear();
      for (const batch of this.#read(seen)) keys.add(batch);
      const run = new SpilledRun(this.#spill.createFile(arena, this.#numbered, name), arena, owner);
      this.#runs.push(run);
      for (const batch of this.#read(rows)) {
        const left = pickRows(this.#context, batch, keys.take(batch, this.#positions).rows, 0);
        try {
          if (left.rows > 0) await run.add(left);
        } finally {
          left.release();
        }
      }
    }
    keys.clear();
    const plan = keyPlan([{ column: NUMBER, descending: false, nulls: 'last' }], this.#numbered);
    const runs = this.#runs.splice(0).filter((run) => run.rows > 0 || run.close());
    for (const piece of mergeRuns(runs, { target: this.#context, fields: this.#numbered, plan, size: PIECE })) {
      try {
        yield makeBatch(arena, owner, this.#fields, piece.columns.slice(0, -1), piece.rows, 0);
      } finally {
        piece.release();
      }
    }
  }

  close(): void {
    for (const { file } of [...this.#keys, ...this.#rows]) file.delete();
    for (const run of this.#runs.splice(0)) run.close();
  }

  /** The batches of a part, each released when the next is asked for; then the file goes. */
  *#read({ file, positions }: Part): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    for (const position of positions) {
      const batch = file.read(position, arena, owner);
      try {
        yield batch;
      } finally {
        batch.release();
      }
    }
    file.delete();
  }

  async #divide(batch: Batch, rows: readonly { row: number; hash: number }[], parts: readonly Part[]): Promise<void> {
    const numbers = parts.map((): number[] => []);
    for (const { row, hash } of rows) numbers[hash >>> PART_SHIFT]?.push(row);
    for (const [index, { file, positions }] of parts.entries()) {
      const own = numbers[index] as number[];
      if (own.length === 0) continue;
      const picked = pickRows(this.#context, batch, own, 0);
      try {
        positions.push(await file.append(picked));
      } finally {
        picked.release();
      }
    }
  }

  #withNumbers(batch: Batch, first: number): Batch {
    const { arena, owner } = this.#context;
    const { column, slab } = allocColumn(arena, owner, 'int64', batch.rows);
    try {
      const numbers = arena.int64At(column.values, batch.rows);
      for (let row = 0; row < batch.rows; row++) numbers[row] = BigInt(first + row);
      const all = [...batch.columns, finishColumn(arena, column, batch.rows, slab)];
      return makeBatch(arena, owner, this.#numbered, all, batch.rows, 0);
    } finally {
      arena.release(slab);
    }
  }
}

async function saveParts(parts: readonly Part[], writer: SnapshotWriter): Promise<(SavedPart | undefined)[]> {
  const saved: (SavedPart | undefined)[] = [];
  for (const { file, positions } of parts)
    saved.push(
      positions.length === 0 ? undefined : { file: writer.file(file), positions: await writer.list(positions) },
    );
  return saved;
}
