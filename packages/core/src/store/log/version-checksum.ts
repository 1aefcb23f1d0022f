/**
 * Version checksums: what a table holds at one version as one object of JSON beside the log, for whoever begins with it. A process that meets a table
 * for the first time goes on from the last one, which takes neither all commits since the beginning, nor a checkpoint and the Parquet library.
 * What was removed is not in it.
 *
 * Protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md, "Version Checksum File"
 */
import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { TEMPORARY_SUFFIX } from '../../formats/durable-file.ts';
import { readCommit } from './commit-file.ts';
import type { AddAction, DeltaAction, MetaDataAction, ProtocolAction, Snapshot, TxnAction } from './delta-actions.ts';
import { checksumName, LOG_FOLDER } from './log-listing.ts';
import { retentionOf } from './table-properties.ts';

/** As the protocol names it, as far as it is used here. */
interface VersionChecksum {
  /** Of the commit. */
  txnId?: string;
  tableSizeBytes: number;
  numFiles: number;
  numMetadata: number;
  numProtocol: number;
  metadata?: MetaDataAction;
  protocol?: ProtocolAction;
  setTransactions?: TxnAction[];
  allFiles?: AddAction[];
}

/** Versions between two of them, or fewer where a table has checkpoints more often. */
const EVERY = 10;
/** Of a table of more files, each would be large; there is its checkpoint. */
const MOST_FILES = 500;

function bytesOf(files: Iterable<AddAction>): number {
  let bytes = 0;
  for (const { size } of files) bytes += size;
  return bytes;
}

function txnIdOf(actions: readonly DeltaAction[]): unknown {
  return actions.find(({ commitInfo }) => commitInfo !== undefined)?.commitInfo?.['txnId'];
}

/**
 * Whether a version that was just committed should have one.
 * @param before the version before it
 * @param properties of the table
 */
export function isChecksumDue(
  version: number,
  before: Snapshot | undefined,
  properties: Readonly<Record<string, string>>,
): boolean {
  if (before === undefined || before.files.size > MOST_FILES) return false;
  return version % Math.min(EVERY, retentionOf(properties).checkpointInterval) === 0;
}

/**
 * Writes the checksum of a version that is committed. It need not survive a power cut: whoever finds none, or half of one, reads the log.
 * @param actions of its commit
 * @throws what the system says
 */
export async function writeVersionChecksum(
  table: string,
  { version, files, metaData, protocol, txns }: Snapshot,
  actions: readonly DeltaAction[],
): Promise<void> {
  const checksum: VersionChecksum = {
    txnId: String(txnIdOf(actions)),
    tableSizeBytes: bytesOf(files.values()),
    numFiles: files.size,
    numMetadata: 1,
    numProtocol: 1,
    metadata: metaData,
    protocol,
    setTransactions: [...txns.values()],
    allFiles: [...files.values()].map((add) => ({ ...add, dataChange: false })),
  };
  const path = join(table, LOG_FOLDER, checksumName(version));
  const temporary = join(
    table,
    LOG_FOLDER,
    `.${checksumName(version)}.${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`,
  );
  try {
    await writeFile(temporary, JSON.stringify(checksum));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** What a version holds by its checksum; undefined where it does not say all, is damaged, or belongs to another commit of this version. */
export async function readVersionChecksum(table: string, version: number): Promise<DeltaAction[] | undefined> {
  try {
    const path = join(table, LOG_FOLDER, checksumName(version));
    const checksum = JSON.parse(await readFile(path, 'utf8')) as VersionChecksum;
    const { txnId, metadata, protocol, setTransactions, allFiles, numFiles, tableSizeBytes } = checksum;
    if (metadata === undefined || protocol === undefined) return undefined;
    if (setTransactions === undefined || allFiles === undefined || txnId === undefined) return undefined;
    if (allFiles.length !== numFiles || bytesOf(allFiles) !== tableSizeBytes) return undefined;
    if (txnIdOf(await readCommit(table, version)) !== txnId) return undefined;
    return [
      { protocol },
      { metaData: metadata },
      ...setTransactions.map((txn) => ({ txn })),
      ...allFiles.map((add) => ({ add })),
    ];
  } catch {
    // The log says the same, or why it cannot be read.
    return undefined;
  }
}
