/**
 * Writing staged rows into a dataset, or replacing what it holds, as one version of its table. What has been checked against
 * the version that was read holds for the version that is written, or all is done again on top of the newer one.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { PipelineError } from '../../errors.ts';
import { compareOrdered } from '../../formats/ordered-value.ts';
import { type DatasetFile, datasetFile, type StagedFile } from '../files/dataset-file.ts';
import { PlacedFiles } from '../files/placed-files.ts';
import { writeCommit } from '../log/commit-file.ts';
import type { AddAction, DeltaAction, Snapshot } from '../log/delta-actions.ts';
import { readSnapshot } from '../log/delta-log.ts';
import { fromSchemaString } from '../log/delta-schema.ts';
import { isCheckpointDue } from '../log/log-maintenance.ts';
import { LogReplay } from '../log/log-replay.ts';
import { checkRemovable } from '../log/table-features.ts';
import { isChecksumDue, writeVersionChecksum } from '../log/version-checksum.ts';
import { type MergedRegion, type MergeTask, mergeWithoutRows } from '../merge/merge-files.ts';
import { commitActions, type Replacement } from './commit-actions.ts';
import { checkAppend, checkCommit, evolves } from './commit-checks.ts';
import type { CommitRequest, CommitSummary, StoredFile, StoreRunner, WriteTarget } from './commit-contract.ts';
import { Turn, waitForTurn } from './turns.ts';
import { effectiveSettings, settingsFromProperties } from './write-settings.ts';

/** Attempts before giving up to other writers. */
const ATTEMPTS = 100;
/** Attempts after which a writer asks the others to wait for him. */
const PATIENCE = 3;
/** What a writer that was not the first waits for at most before it tries again. */
const MOST_PAUSE_MS = 50;

/** The files of a snapshot in the order of their rows; those that other programs added apart. */
function storedFiles(request: WriteTarget, snapshot: Snapshot): { stored: StoredFile[]; foreign: AddAction[] } {
  const fields = fromSchemaString(snapshot.metaData.schemaString);
  const stored: StoredFile[] = [];
  const foreign: AddAction[] = [];
  for (const action of snapshot.files.values()) {
    const file = datasetFile(request.table, action, fields, request.orderedOn);
    if (file === undefined) foreign.push(action);
    else stored.push({ action, file });
  }
  return { stored: stored.sort((a, b) => a.file.sequence - b.file.sequence), foreign };
}

function conflict(request: CommitRequest, what: string): PipelineError {
  return new PipelineError('ERR_STORE_CONFLICT', `dataset ${request.name}: another writer ${what} at the same time`, {
    file: request.table,
    hint: 'this dataset was left as it was: run again',
  });
}

/** Which stored files are replaced by which. */
async function replacementsOf(
  request: CommitRequest,
  snapshot: Snapshot | undefined,
  stored: readonly StoredFile[],
  runner: StoreRunner,
): Promise<MergedRegion[]> {
  const { files, mode, fields, orderedOn, settings, staging, memoryLimitBytes } = request;
  const isReplaced = mode === 'overwrite' || snapshot === undefined;
  const storedFields = isReplaced ? fields : fromSchemaString(snapshot.metaData.schemaString);
  const isWider = evolves(request, storedFields);
  if (mode === 'append') checkAppend(request, stored);
  const known = isReplaced ? {} : settingsFromProperties(snapshot.metaData.configuration);
  const { duplicatesOn, target, maxOffTarget } = effectiveSettings(orderedOn, fields, settings, known);
  const task: MergeTask = {
    fields: isWider ? fields : storedFields,
    orderedOn,
    rewritesAll: isWider,
    duplicatesOn,
    target,
    maxOffTarget,
    groups: stored.map(({ file }) => file),
    staged: files,
    folder: staging,
    prefix: `merged-${randomBytes(4).toString('hex')}`,
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
  };
  const merge = async (merging: MergeTask): Promise<MergedRegion[]> =>
    mergeWithoutRows(merging) ?? (await runner.merge(merging));
  if (mode === 'merge' || (mode === 'append' && isWider)) return merge(task);
  // What is stored stays as it is, or goes; the new files are put together at most.
  const merged = await merge({ ...task, duplicatesOn: undefined, maxOffTarget: undefined, groups: [] });
  const firstGroup = mode === 'overwrite' ? 0 : stored.length;
  return [{ firstGroup, endGroup: stored.length, files: merged.flatMap((each) => each.files), rowsRewritten: 0 }];
}

/**
 * Commits staged files as one version. A write of no rows that changes nothing makes none.
 *
 * Two writers conflict cleanly: who comes second merges his rows into the other's version and tries again; an overwrite
 * is refused, because it would drop rows that its writer never saw.
 * @param runner runs what has to read or write Parquet
 * @throws ERR_STORE_OVERLAP, ERR_STORE_CONFLICT, ERR_SCHEMA, ERR_STORE_CORRUPT, ERR_STORE_UNSUPPORTED, ERR_MEMORY_EXHAUSTED, ERR_IO
 */
export function commitFiles(request: CommitRequest, runner: StoreRunner): Promise<CommitSummary> {
  return commitInTurn(request, runner, false);
}

/** @param hasTurn the turn is the caller's */
async function commitInTurn(request: CommitRequest, runner: StoreRunner, hasTurn: boolean): Promise<CommitSummary> {
  const placed = new PlacedFiles(request);
  let turn: Turn | undefined;
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (attempt >= PATIENCE && !hasTurn) turn ??= await Turn.take(request.table);
      const isMine = hasTurn || turn !== undefined;
      if (!isMine) await waitForTurn(request.table);
      const summary = await tryCommit(request, placed, runner, isMine);
      if (summary !== undefined) return summary;
      if (request.mode === 'overwrite') throw conflict(request, 'committed');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * MOST_PAUSE_MS));
    }
    throw conflict(request, `committed ${ATTEMPTS} times`);
  } catch (error) {
    await placed.discard();
    throw error;
  } finally {
    await turn?.end();
  }
}

/** Checksums and checkpoints only make reading quicker: a commit is none the worse without, and the next ones that are due make up for them. */
async function shortenIfDue(
  { table, properties }: CommitRequest,
  { version, before, lines }: { version: number; before: Snapshot | undefined; lines: readonly DeltaAction[] },
  runner: StoreRunner,
): Promise<void> {
  const all = { ...before?.metaData.configuration, ...properties };
  try {
    if (isChecksumDue(version, before, all)) {
      const replay = new LogReplay(table, before);
      replay.apply(lines);
      await writeVersionChecksum(table, replay.snapshot(version, undefined), lines);
    }
    if (isCheckpointDue(version, all)) await runner.checkpoint(table, version);
  } catch {
    // The rows are committed, and that is what was asked for.
  }
}

/** @returns undefined when another writer was first */
async function tryCommit(
  request: CommitRequest,
  placed: PlacedFiles,
  runner: StoreRunner,
  hasTurn: boolean,
): Promise<CommitSummary | undefined> {
  const rows = request.files.reduce((sum, file) => sum + file.rows, 0);
  const snapshot = await readSnapshot(request.table);
  const nothing = { version: snapshot?.version ?? 0, rows, files: 0, rowsRewritten: 0, overlaps: false };
  if (isDone(request, snapshot)) {
    await placed.discard();
    return nothing;
  }
  checkCommit(request, snapshot);
  const { replaces = [] } = request;
  if (replaces.some(({ path }) => snapshot?.files.has(path) !== true)) {
    await placed.discard();
    return nothing;
  }
  const { stored, foreign } = snapshot === undefined ? NO_FILES : storedFilesFor(request, snapshot);
  const [toSort] = replaces.length === 0 ? foreign : [];
  if (snapshot !== undefined && toSort !== undefined) {
    await sortIn(request, snapshot, toSort, runner, hasTurn);
    return tryCommit(request, placed, runner, hasTurn);
  }
  const now = request.files.map((file) => placed.current(file));
  const regions = await replacementsOf({ ...request, files: now }, snapshot, stored, runner);
  const removes = replaces.length > 0 || regions.some((region) => region.firstGroup < region.endGroup);
  if (snapshot !== undefined && removes) checkRemovable(request.table, snapshot);
  const fileOf = (file: number | StagedFile): StagedFile =>
    typeof file === 'number' ? (request.files[file] as StagedFile) : file;
  const added = regions.flatMap((region) => region.files.map(fileOf));
  const changesNothing = request.mode !== 'overwrite' && rows === 0 && regions.every(isNothing);
  const setsNothing = request.properties === undefined && request.metadata === undefined;
  if (snapshot !== undefined && changesNothing && setsNothing && replaces.length === 0) return nothing;
  await placed.place(added);
  const replacements = regions.map(
    ({ firstGroup, endGroup, files }): Replacement => ({
      first: firstGroup,
      end: endGroup,
      files: files.map(fileOf).map((file) => ({ file, name: placed.nameOf(file) })),
    }),
  );
  const version = snapshot === undefined ? 0 : snapshot.version + 1;
  const lines = commitActions(changeOf(request, snapshot), replacements, snapshot, stored, Date.now());
  if (!(await writeCommit(request.table, version, lines, () => placed.sync()))) return undefined;
  // Staged files that were merged into others, and what an attempt before had merged.
  await placed.discard(added);
  await shortenIfDue(request, { version, before: snapshot, lines }, runner);
  return {
    version,
    rows,
    files: added.length,
    rowsRewritten: regions.reduce((sum, each) => sum + each.rowsRewritten, 0),
    overlaps: request.mode !== 'overwrite' && isAmong(now, stored),
  };
}

/** Whether rows lie among stored ones. Those that begin where the others end do not. */
function isAmong(files: readonly StagedFile[], stored: readonly StoredFile[]): boolean {
  const [min, max] = [files[0]?.min, files.at(-1)?.max];
  if (min === undefined || max === undefined) return false;
  return stored.some(({ file }) => {
    if (compareOrdered(min, file.min) === 0 && compareOrdered(max, file.max) === 0) return true;
    return compareOrdered(min, file.max) < 0 && compareOrdered(max, file.min) > 0;
  });
}

/** Whether these rows were written before, by a run that did not get to know it. */
function isDone({ txn }: CommitRequest, snapshot: Snapshot | undefined): boolean {
  const before = txn && snapshot?.txns.get(txn.appId)?.version;
  return txn !== undefined && before !== undefined && before >= txn.version;
}

function isNothing(region: MergedRegion): boolean {
  return region.files.length === 0 && region.firstGroup === region.endGroup;
}

const NO_FILES: { stored: StoredFile[]; foreign: AddAction[] } = { stored: [], foreign: [] };

/** An overwrite replaces files that it need not understand; their order does not matter then. */
function storedFilesFor(request: CommitRequest, snapshot: Snapshot): typeof NO_FILES {
  if (request.mode !== 'overwrite') return storedFiles(request, snapshot);
  const file = { sequence: 0 } as DatasetFile;
  return { stored: [...snapshot.files.values()].map((action) => ({ action, file })), foreign: [] };
}

/** Sorts the rows of a file that another program added in among the others, as a version of its own. */
async function sortIn(
  request: CommitRequest,
  snapshot: Snapshot,
  foreign: AddAction,
  runner: StoreRunner,
  hasTurn: boolean,
): Promise<void> {
  const { table, orderedOn, settings, staging, memoryLimitBytes } = request;
  const fields = fromSchemaString(snapshot.metaData.schemaString);
  const known = settingsFromProperties(snapshot.metaData.configuration);
  const { duplicatesOn, target } = effectiveSettings(orderedOn, fields, settings, known);
  const limit = memoryLimitBytes === undefined ? {} : { memoryLimitBytes };
  const files = await runner.stageForeign({
    path: join(table, decodeURIComponent(foreign.path)),
    fields,
    orderedOn,
    duplicatesOn,
    target,
    folder: staging,
    prefix: `foreign-${randomBytes(4).toString('hex')}-`,
    ...limit,
  });
  const { name } = request;
  await commitInTurn(
    { table, name, files, mode: 'merge', fields, orderedOn, settings, staging, replaces: [foreign], ...limit },
    runner,
    hasTurn,
  );
}

function changeOf(request: CommitRequest, snapshot: Snapshot | undefined): Parameters<typeof commitActions>[0] {
  const { fields, orderedOn, settings, metadata, properties, txn, replaces, mode } = request;
  const isOverwrite = mode === 'overwrite';
  return {
    fields,
    orderedOn,
    settings,
    ...(metadata === undefined ? {} : { metadata }),
    ...(properties === undefined ? {} : { properties }),
    ...(txn === undefined ? {} : { txn }),
    ...(replaces === undefined ? {} : { replaces }),
    isNewSchema:
      isOverwrite || (snapshot !== undefined && evolves(request, fromSchemaString(snapshot.metaData.schemaString))),
    operation: { name: 'WRITE', parameters: { mode: isOverwrite ? 'Overwrite' : 'Append', partitionBy: '[]' } },
  };
}
