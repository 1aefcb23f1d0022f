/** What a commit is asked for, what it needs, and what it tells. */
import type { Fields } from '../../schema/types.ts';
import type { DatasetFile, StagedFile } from '../files/dataset-file.ts';
import type { AddAction } from '../log/delta-actions.ts';
import type { MergedRegion, MergeTask } from '../merge/merge-files.ts';
import type { ForeignTask } from '../read/foreign-files.ts';
import type { MetadataChange, WriteSettings } from './write-settings.ts';

/**
 * `merge` puts rows where they belong; `append` refuses rows before the last one stored; `overwrite` replaces everything.
 */
export type WriteMode = 'merge' | 'append' | 'overwrite';

export interface CommitRequest {
  /** Folder of the table. */
  table: string;
  /** Key in words. */
  name: string;
  /** In the order of their rows, without duplicates among themselves. */
  files: readonly StagedFile[];
  mode: WriteMode;
  fields: Fields;
  orderedOn: string;
  settings: WriteSettings;
  /** Where merged rows are staged. */
  staging: string;
  /** Logical bytes of a row group at most. */
  memoryLimitBytes?: number;
  /** The user's own, kept with the dataset. */
  metadata?: MetadataChange;
  /** Of the table. */
  properties?: Readonly<Record<string, string>>;
  /** Files of others whose rows these are. They go, or nothing is written when they are gone. */
  replaces?: readonly AddAction[];
  /** How far an application has come with these rows. Where the dataset has come as far, nothing is written. */
  txn?: { appId: string; version: number };
  /** Staged files stay where they are, for who has to write them once more after a crash. */
  keepsStaged?: boolean;
}

/** What is known of a write before its rows are. */
export type WriteTarget = Pick<CommitRequest, 'table' | 'name' | 'fields' | 'orderedOn' | 'settings'>;

/** What takes a decoder, and so a thread that has one. */
export interface StoreRunner {
  /** See `mergeStaged`. */
  merge(task: MergeTask): Promise<MergedRegion[]>;
  /** See `stageForeign`. */
  stageForeign(task: ForeignTask): Promise<StagedFile[]>;
  /** See `checkpointVersion`. */
  checkpoint(table: string, version: number): Promise<void>;
}

/** What a commit did. */
export interface CommitSummary {
  /** Version of the dataset that has the rows. */
  version: number;
  /** Rows that were staged: those of them that replaced stored ones are counted too. */
  rows: number;
  /** Files added, of new and of rewritten rows. */
  files: number;
  /** Stored rows that were written anew, because new ones fell among them. */
  rowsRewritten: number;
  /** Whether new rows lie between stored ones, or stand beside some with the same ordered values. */
  overlaps: boolean;
}

/** A stored file, and the action that added it. */
export interface StoredFile {
  file: DatasetFile;
  action: AddAction;
}
