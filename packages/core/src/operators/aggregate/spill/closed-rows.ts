/** Rows of closed bins that wait on disk for a flush: in order, as the batches that they will leave in. */
import type { Batch } from '../../../batch/contract.ts';
import type { Fields } from '../../../schema/types.ts';
import type { Spill, SpilledFile, SpillFile, SpillPosition } from '../../../spill/contract.ts';
import type { OperatorContext } from '../../contract.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../../snapshot-contract.ts';

export interface SavedClosedRows {
  file: SpilledFile | undefined;
  positions: SavedList;
  rows: number;
}

export class ClosedRows {
  readonly #context: OperatorContext;
  readonly #fields: Fields;
  readonly #spill: Spill;
  #file: SpillFile | undefined;
  #positions: SpillPosition[] = [];
  rows = 0;

  constructor(context: OperatorContext, fields: Fields, spill: Spill) {
    this.#context = context;
    this.#fields = fields;
    this.#spill = spill;
  }

  /** Writes a batch behind all others; it is taken over. */
  async append(batch: Batch): Promise<void> {
    const { arena, name } = this.#context;
    try {
      this.#file ??= this.#spill.createFile(arena, this.#fields, name);
      this.#positions.push(await this.#file.append(batch));
      this.rows += batch.rows;
    } finally {
      batch.release();
    }
  }

  async save(writer: SnapshotWriter): Promise<SavedClosedRows> {
    const file = this.#file === undefined ? undefined : writer.file(this.#file);
    return { file, positions: await writer.list(this.#positions), rows: this.rows };
  }

  restore({ file, positions, rows }: SavedClosedRows, reader: SnapshotReader): void {
    this.#file = file === undefined ? undefined : reader.file(file, this.#fields, this.#context.name);
    this.#positions = reader.list(positions);
    this.rows = rows;
  }

  /** Gives out all batches, each the caller's, and forgets them. */
  *take(): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    const file = this.#file;
    const positions = this.#positions;
    this.#file = undefined;
    this.#positions = [];
    this.rows = 0;
    try {
      for (const position of positions) if (file !== undefined) yield file.read(position, arena, owner);
    } finally {
      file?.delete();
    }
  }

  close(): void {
    this.#file?.delete();
    this.#file = undefined;
    this.#positions = [];
  }
}
