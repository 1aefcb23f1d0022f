/** Snapshots of a lane's operators: saved between two morsels, and restored before the first. */
import type { Arena, SavedChain, Spill, StageChain } from '@spillway/core/internal';
import { restoreOperators, saveOperators } from '@spillway/core/lane';
import type { FilePlace, LaneConfig } from './protocol.ts';

/** Snapshots are written through a spill of their own: the operators may have none. */
async function filesOf(
  arena: Arena,
  { stage, lane, attempt, spilled }: LaneConfig,
  { folder, limitBytes }: FilePlace,
  signal: AbortSignal,
): Promise<{ spill: Spill; modules: typeof import('@spillway/core/spill') }> {
  const modules = await import('@spillway/core/spill');
  const name = `${attempt}-${stage.id}-${lane}-at-${saves++}`;
  const account = modules.sharedAccount(arena.buffer, spilled);
  return { spill: new modules.LaneSpill({ folder, lane: name, limitBytes, account, signal }), modules };
}

/** Snapshots of this thread so far: no two write files of one name. */
let saves = 0;

/** Only between two morsels. @throws what keeps the operators from being saved; then no file is left */
export async function saveChain(
  arena: Arena,
  config: LaneConfig,
  chain: StageChain,
  place: FilePlace,
  signal: AbortSignal,
): Promise<SavedChain> {
  const { spill, modules } = await filesOf(arena, config, place, signal);
  const files = new modules.SnapshotFiles(arena, spill, config.stage.name);
  try {
    const operators = await saveOperators(chain.operators, files);
    return { operators, files: files.finish() };
  } catch (error) {
    files.discard();
    throw error;
  }
}

/** Has the operators go on where they were saved; does nothing at the beginning of a run. */
export async function restoreChain(
  arena: Arena,
  config: LaneConfig,
  chain: StageChain,
  { spill, signal }: { spill: Spill | undefined; signal: AbortSignal },
): Promise<void> {
  const { restore, stage } = config;
  if (restore === undefined) return;
  // Nothing is written: the files are named in the snapshot.
  const { spill: own, modules } = await filesOf(arena, config, { folder: '', limitBytes: 0 }, signal);
  const source = new modules.SnapshotSource(arena, spill ?? own, stage.name, restore.files, restore.places);
  try {
    await restoreOperators(chain.operators, restore.operators, source);
  } finally {
    source.close();
  }
}
