/** Pieces of row groups put together to packets of an edge. */
import type { Batch } from '@spillway/core/internal';
import type { RowGroupTask } from './row-groups.ts';

/**
 * Groups the pieces that the reader cuts by its memory and at the ends of row groups into packets, which end at even numbers of rows or where
 * the task does: only so are the numbers of a task's packets known before it is read.
 */
export class PacketPieces {
  readonly #task: Pick<RowGroupTask, 'sourceRow' | 'packetRows' | 'rows'>;
  #pieces: Batch[] = [];
  #rows = 0;

  constructor(task: Pick<RowGroupTask, 'sourceRow' | 'packetRows' | 'rows'>) {
    this.#task = task;
  }

  /** Takes over the next piece. @returns the packet that ends with it */
  add(piece: Batch): Batch[] | undefined {
    this.#pieces.push(piece);
    this.#rows += piece.rows;
    const { sourceRow, packetRows, rows } = this.#task;
    return this.#rows < rows && (sourceRow + this.#rows) % packetRows !== 0 ? undefined : this.#pieces.splice(0);
  }

  /** Drops what is no packet yet. */
  close(): void {
    for (const piece of this.#pieces.splice(0)) piece.release();
  }
}
