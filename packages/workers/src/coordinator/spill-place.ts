/** Where a run spills: a folder of its own, which is made when the first byte is written and is gone when the run is. */
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { PhysicalPlan } from '@spillway/core/internal';
import type { Cleanup } from './cleanup.ts';

export interface SpillPlace {
  folder: string;
  /** Bytes on disk that all lanes may have together. */
  limitBytes: number;
}

/** What the names of files begin with that keep what a program has fed. */
export const FED_FILES = 'fed-';

/** Sweeps by directory: once a process is enough, and a run waits for the one it began before it ends. */
const sweeps: Map<string, Promise<unknown>> = new Map();

/**
 * The place of a run that may have to spill, else undefined. Folders that dead processes left beside it are removed meanwhile.
 */
export async function spillPlace(
  { stages, edges }: PhysicalPlan,
  options: { spillDirectory: string | undefined; spillLimitBytes: number; restarts: number },
  cleanup: Cleanup,
): Promise<SpillPlace | undefined> {
  const canSpill = stages.some(({ operators }) => operators.some(({ shareBytes }) => shareBytes !== undefined));
  // What a program feeds is kept for restarts.
  const isFed = options.restarts > 0 && edges.some(({ producer }) => producer.kind === 'feeder');
  if (!canSpill && !isFed) return undefined;
  return openSpillPlace(options, cleanup);
}

/** Makes a place for a run that turns out to need one. Its folder is made with its first file. */
export async function openSpillPlace(
  options: { spillDirectory: string | undefined; spillLimitBytes: number },
  cleanup: Cleanup,
): Promise<SpillPlace> {
  const { runFolder, sweepStaleFolders } = await import('@spillway/core/spill');
  const directory = resolve(options.spillDirectory ?? tmpdir());
  const folder = runFolder(directory);
  const sweep = sweeps.get(directory) ?? sweepStaleFolders(directory);
  sweeps.set(directory, sweep);
  cleanup.add(async () => {
    await sweep;
    await rm(folder, { recursive: true, force: true });
  });
  return { folder, limitBytes: options.spillLimitBytes };
}

/** Removes what the lanes of an abandoned attempt left. What the main thread keeps for the next one stays, and the files of its barrier. */
export async function emptySpillPlace(place: SpillPlace | undefined, keep: ReadonlySet<string>): Promise<void> {
  if (place === undefined) return;
  const names = await readdir(place.folder).catch(() => []); // not made yet: nothing was spilled
  const paths = names.filter((name) => !name.startsWith(FED_FILES)).map((name) => join(place.folder, name));
  await Promise.all(paths.filter((path) => !keep.has(path)).map((path) => rm(path, { force: true })));
}
