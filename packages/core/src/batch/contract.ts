/**
 * A batch in shared memory: Arrow's layout in slabs, named by a descriptor.
 *
 * A `Batch` object is one thread's handle and owns one reference on the descriptor; the descriptor owns one reference
 * on each slab its columns use. `release()` exactly once, or hand the handle on (push, publish), never both.
 * Buffers are 64-byte aligned, except in slices, where they are aligned to the size of a value (bitmaps: to a byte). Validity bitmaps are Arrow's: bit i set = row i is there; pointer 0 = no nulls.
 * Offsets of variable columns are int32 and start at any value (a slice keeps its parent's bytes).
 */
import type { Ptr } from '../memory/contract.ts';
import type { Fields, TypeText } from '../schema/types.ts';

/** The buffers of one column. Fixed: `values`. Variable: `offsets` + `values`. Bits: `values` is a bitmap. */
export interface Column {
  readonly type: TypeText;
  readonly length: number;
  readonly nullCount: number;
  /** Bitmap, first row at bit 0; 0 when no row is null. */
  readonly validity: Ptr;
  readonly values: Ptr;
  /** Bytes of `values` that belong to this column (from `values` on). */
  readonly valueBytes: number;
  readonly offsets: Ptr;
  /** The dictionary (a utf8 column) of a dictionary column, the child of a list; else undefined. */
  readonly child: Column | undefined;
  /** The slab(s) that hold the buffers, each kept alive by the batch's descriptor. */
  readonly slabs: readonly Ptr[];
}

export interface Batch {
  readonly rows: number;
  readonly fields: Fields;
  readonly columns: readonly Column[];
  /**
   * Logical inputs that end with this batch: 1 for a batch that came whole, 0 for all but the last piece of a batch
   * that was split, which is how physical cuts stay invisible to `iterMax`.
   */
  readonly inputs: number;
  /** Arena offset of the descriptor: the name by which another thread opens this batch. */
  readonly descriptor: Ptr;
  /**
   * Logical Arrow bytes of its rows, independent of slabs and, so that triggers fire at the same input whatever the split,
   * the sum of those of its pieces: see `columnLogicalBytes`. What `memoryLimit` triggers count.
   */
  readonly logicalBytes: number;
  /** Index of a column. @throws ERR_COLUMN_UNKNOWN with the nearest name. */
  column(name: string): Column;
  /** One more reference, owned by this same handle (returned for convenience): one more `release()` or handing on. */
  retain(): Batch;
  release(): void;
}

/**
 * What travels in one slot of a ring: the outputs of one morsel, in order (possibly none).
 */
export interface Packet {
  /** Position in the edge's order, from 0, without gaps. */
  sequence: number;
  batches: Batch[];
  /** More batches of this sequence follow, in the next packet. */
  isPart?: boolean;
}
