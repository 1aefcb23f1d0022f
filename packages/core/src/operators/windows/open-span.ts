/** What the windows of an aggregation hold beside their states, as they run and as plain data. */
import type { SavedBytes, SavedList } from '../snapshot-contract.ts';
import type { Span } from './grid.ts';
import type { SavedMap, SlotMap } from './slot-map.ts';
import type { SavedWindowTable } from './window-table.ts';

/** A window that has begun. */
export interface OpenSpan extends Span {
  /** Behind its last row. */
  position: bigint;
  slots: SlotMap;
}

export type SavedSpan = Omit<OpenSpan, 'slots'> & { slots: SavedMap };

export interface SavedWindows {
  table: SavedWindowTable;
  /** Lists and maps of slots. */
  held: (SavedBytes | SavedMap)[];
  open: SavedList;
  newest: bigint | undefined;
  point: bigint | undefined;
  clock: bigint | undefined;
  hasBegun: boolean;
}
