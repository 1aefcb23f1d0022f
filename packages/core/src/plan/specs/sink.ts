/** Where rows go to, as plain data. */
import type { WriteMode } from '../../store/commit/commit-contract.ts';
import type { MetadataChange } from '../../store/commit/write-settings.ts';
import type { StagedFile } from '../../store/files/dataset-file.ts';
import type { RowGroupTarget } from '../../store/files/row-group-target.ts';

/** How rows are written to a file. */
export type FileFormat =
  | { kind: 'parquet'; compression: 'none' | 'snappy' | 'zstd'; rowGroupRows: number }
  | { kind: 'csv'; delimiter: string; hasHeader: boolean; compression: 'none' | 'gzip' }
  | { kind: 'ndjson'; compression: 'none' | 'gzip' }
  | { kind: 'arrow'; layout: 'file' | 'stream' };

/** When a sink of files begins another file. */
export type FileParts =
  | { kind: 'rows'; rows: number }
  | { kind: 'bytes'; bytes: number }
  /** `every` as of row groups: `'1d'`, `'1mo'`. */
  | { kind: 'period'; every: string; on: string };

/** Columns whose values name folders of files, and how many files are open at once. */
export interface FileKeys {
  columns: readonly string[];
  mostOpen: number;
}

export type SinkSpec =
  | { type: 'collect' }
  /** Delivered to a function or async iterator on the main thread, by logical batch. `id` names it in this process. */
  | { type: 'callback'; id: string; takes: 'batch' | 'rows' }
  | { type: 'iterate'; id: string }
  /**
   * One file, or several, there when the run has succeeded. `isPassing`: the job that it is of reads it and removes it, so it need not survive a
   * power cut.
   */
  | { type: 'file'; path: string; format: FileFormat; parts?: FileParts; keys?: FileKeys; isPassing?: true }
  | {
      type: 'store';
      root: string;
      key: Record<string, string | number>;
      /** Of the dataset, inside the store. */
      path: string;
      mode: WriteMode;
      orderedOn: string;
      /** Settings: left out, as the dataset was written before. */
      duplicatesOn?: readonly string[] | null;
      rowGroupTarget?: RowGroupTarget;
      maxOffTargetRowGroups?: number | null;
      schemaChange?: 'refuse' | 'evolve';
      metadata?: MetadataChange;
      /** Of a task: the folder that its files are left in, for who commits those of all tasks. Nothing of the store itself is touched. */
      left?: string;
      /** Files that tasks have left; the rows that come are behind them. */
      written?: WrittenFiles;
    };

/** Files of a store's sink that other processes have written. */
export interface WrittenFiles {
  /** That were given to be written: some may have replaced others. */
  rows: number;
  /** In the order of their rows. Those of a process end with one that `isCut`; rows that are equal may lie before it and behind. */
  files: StagedFile[];
}
