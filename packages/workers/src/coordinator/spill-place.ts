/** Where a run spills: a folder of its own, which is made when the first byte is written and is gone when the run is. */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import type { PhysicalPlan } from '@spillway/core/internal';
import type { Cleanup } from './cleanup.ts';

export interface SpillPlace {
  folder: string;
  /** Bytes on disk that all lanes may have together. */
  limitBytes: number;
}

/** Sweeps by directory: once a process is enough, and a run waits for the one it began before it ends. */
const sweeps: Map<string, Promise<unknown>> = new Map();

/**
 * The place of a run that may have to spill, else undefined. Folders that dead processes left beside it are removed meanwhile.
 */
export async function spillPlace(
  { stages }: PhysicalPlan,
  options: { spillDirectory: string | undefined; spillLimitBytes: number },
  cleanup: Cleanup,
): Promise<SpillPlace | undefined> {
  const canSpill = stages.some(({ operators }) => operators.some(({ shareBytes }) => shareBytes !== undefined));
  if (!canSpill) return undefined;
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
