/** Where runs leave their records: `history` of a run, else `SPILLWAY_HISTORY`, else the user's folder for states of programs. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

export interface HistoryPlace {
  folder: string;
  /** Somebody has named it: that it cannot be written is then worth a word. */
  isGiven: boolean;
}

/** What the environment variable says when there is to be no history. */
const OFF: ReadonlySet<string> = new Set(['off', 'no', 'false', '0', 'none']);

/** @param option `false` for none, or a folder. @returns undefined where runs leave nothing */
export function historyPlace(
  option: false | string | undefined,
  env: Environment = process.env,
  cwd: string = process.cwd(),
): HistoryPlace | undefined {
  if (option === false) return undefined;
  const named = option ?? env['SPILLWAY_HISTORY'] ?? '';
  if (option === undefined && OFF.has(named.toLowerCase())) return undefined;
  if (named !== '') return { folder: resolve(cwd, named), isGiven: true };
  // A relative one is to be ignored, says the specification of base directories.
  const state = env['XDG_STATE_HOME'] ?? '';
  const home = env['HOME'] ?? homedir();
  return {
    folder: join(isAbsolute(state) ? state : join(home, '.local', 'state'), 'spillway', 'runs'),
    isGiven: false,
  };
}
