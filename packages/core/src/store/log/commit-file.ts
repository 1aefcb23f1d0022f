/**
 * One version of a Delta log as its file: read, and added.
 *
 * A commit is a file that comes into being whole: it is written under a temporary name, put on the disk, and linked to
 * its own name, which fails when another writer was first. A rename would replace that writer's commit in silence.
 *
 * Protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
 */
import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { PipelineError } from '../../errors.ts';
import { makeFolder, syncFolder, TEMPORARY_SUFFIX } from '../../formats/durable-file.ts';
import { fileError } from '../../formats/file-error.ts';
import type { DeltaAction } from './delta-actions.ts';
import { commitName, LOG_FOLDER } from './log-listing.ts';
import { corrupt, unsupported } from './log-replay.ts';

/** File of a version's commit. */
export function commitPath(table: string, version: number): string {
  return join(table, LOG_FOLDER, commitName(version));
}

/** What a version says. @throws ERR_STORE_CORRUPT, ERR_IO */
export async function readCommit(table: string, version: number): Promise<DeltaAction[]> {
  const path = commitPath(table, version);
  try {
    return parseCommit(table, version, await readFile(path, 'utf8'));
  } catch (error) {
    throw error instanceof PipelineError ? error : await fileError(path, error);
  }
}

/** The actions of a commit's text. @throws ERR_STORE_CORRUPT */
export function parseCommit(table: string, version: number, text: string): DeltaAction[] {
  const actions: DeltaAction[] = [];
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    try {
      const action: unknown = JSON.parse(line);
      if (typeof action !== 'object' || action === null) throw new SyntaxError('not an action');
      actions.push(action);
    } catch (cause) {
      throw corrupt(table, `line ${i + 1} of version ${version} of its log is damaged`, cause);
    }
  });
  return actions;
}

/** When a commit was made: as it says, or as old as its file is. @throws ERR_IO */
export async function committedAt(table: string, version: number, actions: readonly DeltaAction[]): Promise<number> {
  const said = actions.find(({ commitInfo }) => typeof commitInfo?.timestamp === 'number')?.commitInfo?.timestamp;
  if (said !== undefined) return said;
  const path = commitPath(table, version);
  try {
    return Math.floor((await stat(path)).mtimeMs);
  } catch (error) {
    throw await fileError(path, error);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Gives a file a further name. @returns false when the name is taken @throws ERR_STORE_UNSUPPORTED where files cannot be linked, ERR_IO */
export async function linkIfAbsent(table: string, from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return false;
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOSYS') {
      throw unsupported(
        table,
        'its file system cannot link files, so commits would not be safe',
        'put the store on a local file system',
      );
    }
    throw await fileError(to, error);
  }
}

/**
 * Adds a version to the log, durably.
 * @param before has to be done before the version is there: what it names is on the disk then
 * @returns false when another writer has added this version first; nothing has changed then
 * @throws ERR_IO, ERR_STORE_UNSUPPORTED (a file system without links)
 */
export async function writeCommit(
  table: string,
  version: number,
  actions: readonly DeltaAction[],
  before: () => Promise<void> = async () => {},
): Promise<boolean> {
  const folder = join(table, LOG_FOLDER);
  const path = commitPath(table, version);
  const temporary = join(folder, `.${commitName(version)}.${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`);
  try {
    // Not for later versions: a dataset that was deleted meanwhile must not come back with a log that has a hole.
    if (version === 0) await makeFolder(folder);
    await bothDone(before(), writeSynced(temporary, `${actions.map((action) => JSON.stringify(action)).join('\n')}\n`));
    const isFirst = await linkIfAbsent(table, temporary, path);
    await bothDone(isFirst ? syncFolder(folder) : Promise.resolve(), rm(temporary, { force: true }));
    return isFirst;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error instanceof PipelineError ? error : await fileError(path, error);
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Waits for both, also where one fails: neither goes on behind its caller's back. */
async function bothDone(first: Promise<void>, second: Promise<void>): Promise<void> {
  for (const outcome of await Promise.allSettled([first, second]))
    if (outcome.status === 'rejected') throw outcome.reason;
}
