/**
 * What the lines of a Delta log say, by the protocol's names.
 *
 * Protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
 */

export interface ProtocolAction {
  minReaderVersion: number;
  minWriterVersion: number;
  readerFeatures?: string[];
  writerFeatures?: string[];
}

export interface MetaDataAction {
  id: string;
  name?: string;
  description?: string;
  format: { provider: string; options: Record<string, string> };
  schemaString: string;
  partitionColumns: string[];
  configuration: Record<string, string>;
  createdTime?: number;
}

export interface AddAction {
  path: string;
  partitionValues: Record<string, string | null>;
  size: number;
  modificationTime: number;
  dataChange: boolean;
  stats?: string | null;
  tags?: Record<string, string> | null;
  deletionVector?: unknown;
}

export interface RemoveAction {
  path: string;
  deletionTimestamp?: number;
  dataChange: boolean;
  extendedFileMetadata?: boolean;
  partitionValues?: Record<string, string | null>;
  size?: number;
}

/** How far an application has come, which a later run of it asks. */
export interface TxnAction {
  appId: string;
  version: number;
  lastUpdated?: number;
}

/** One line of a commit: exactly one of these. */
export interface DeltaAction {
  protocol?: ProtocolAction;
  metaData?: MetaDataAction;
  add?: AddAction;
  remove?: RemoveAction;
  txn?: TxnAction;
  domainMetadata?: { domain: string; configuration: string; removed: boolean };
  commitInfo?: { timestamp?: number; operation?: string; [name: string]: unknown };
}

/** What one version of a table holds. */
export interface Snapshot {
  version: number;
  /** When it was committed, in milliseconds since 1970; undefined where the log no longer tells. */
  committedAt: number | undefined;
  protocol: ProtocolAction;
  metaData: MetaDataAction;
  /** Live files by path, in the order in which they were added. */
  files: ReadonlyMap<string, AddAction>;
  /** By application. */
  txns: ReadonlyMap<string, TxnAction>;
}

/** The same with what only cleaning up needs: it grows with the versions that a table has had. */
export interface WholeSnapshot extends Snapshot {
  /** Files that were removed, by path, as long as the log knows of them. */
  tombstones: ReadonlyMap<string, RemoveAction>;
}
