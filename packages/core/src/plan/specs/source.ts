/** Where rows come from, as plain data. */
import type { ArrowFile } from '../../formats/arrow-ipc/arrow-format.ts';
import type { TextFile, TextFormat } from '../../formats/csv/csv-format.ts';
import type { Fields } from '../../schema/types.ts';
import type { OpRef } from './op-ref.ts';

/** What files of any format have. A resolved plan lists the paths and the columns to read. */
interface FilesSpec {
  paths: string[];
  orderedOn?: string;
  columns?: string[];
  batchRows: number;
  /** Files are read side by side and merged on `orderedOn`; a resolved plan has a source for each and a merge instead. */
  overlap?: 'merge';
}

export type SourceSpec =
  /** `expected`: columns and types that every file has to have. */
  | (FilesSpec & {
      type: 'parquet';
      expected?: Fields;
      /** By path: row groups to read, from and up to (not included). Left out: all. */
      rowGroups?: [number, number][];
      /** Files of a dataset: its columns, and what the chunks of each file sum up to. */
      stored?: { fields: Fields; checksums: Record<string, string> };
    })
  /** CSV or lines of JSON, parsed in the lanes. A resolved plan has the delimiter, the schema of all columns, and the files. */
  | (FilesSpec & {
      type: 'text';
      schema?: Fields;
      format: TextFormat;
      files: TextFile[];
      /** Rows of the source that earlier runs have read. */
      rowsBefore?: number;
      /** More comes in another run: the last batch is not whole. */
      isOpen?: true;
    })
  /** Arrow IPC, read in the lanes. `expected`: columns and types that every file has to have. A resolved plan has the files. */
  | (FilesSpec & {
      type: 'arrow';
      expected?: Fields;
      files: ArrowFile[];
      /** As of text. */
      rowsBefore?: number;
      isOpen?: true;
    })
  /**
   * Fed on the main thread: push sources, iterables, Node streams. `id` names the feeder in this process; `objectRows`: how many rows it
   * makes as objects before they are laid out, 0 where the objects are there anyway.
   */
  | {
      type: 'fed';
      id: string;
      label: string;
      orderedOn?: string;
      fields: Fields;
      objectRows: number;
      /** Rows of the whole before the first one that this process gives. */
      position?: number;
    }
  /** Batches that already lie in the arena (see `shareTable`). */
  | {
      type: 'shared';
      tableId: number;
      orderedOn?: string;
      orderTrusted: boolean;
      fields: Fields;
      rows: number;
      batchRows: number;
    }
  /** Rows made inside the lanes by a registered source, split by split; each split is one logical input. */
  | {
      type: 'generated';
      source: OpRef;
      options: unknown;
      splits: number;
      /** The first one that is read; default 0. */
      firstSplit?: number;
      orderedOn?: string;
      fields: Fields;
    };
