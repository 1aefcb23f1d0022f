/** The folder of records that a command looks into. */
import { HistoryFolder } from '../../history/history-folder.ts';
import { historyPlace } from '../../history/history-place.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';

export interface HistoryOptions {
  history?: string;
}

/** @throws UsageError where the environment says that there is to be none */
export function openHistory({ history }: HistoryOptions, { env, cwd }: Context): HistoryFolder {
  const place = historyPlace(history, env, cwd);
  if (place === undefined)
    throw new UsageError('SPILLWAY_HISTORY switches records of runs off; give --history FOLDER to look into one');
  return new HistoryFolder(place.folder);
}
