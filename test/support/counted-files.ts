/** Counts what is asked of the file system while something runs in this thread: calls, and names that listing a folder gave. */
import fs, { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

export interface CountedFiles {
  calls: number;
  listed: number;
}

type Call = (this: unknown, ...args: unknown[]) => unknown;

/** Those of `node:fs` and `node:fs/promises` that are functions and no classes. */
function callsOf(module: object): [name: string, call: Call][] {
  return Object.entries(module).filter(
    (entry): entry is [string, Call] => typeof entry[1] === 'function' && /^[a-z]/.test(entry[0]),
  );
}

/** Not for what runs side by side with something else. */
export async function countFiles(work: () => Promise<unknown>): Promise<CountedFiles> {
  const counted = { calls: 0, listed: 0 };
  const noteListed = (result: unknown): unknown => {
    if (Array.isArray(result)) counted.listed += result.length;
    return result;
  };
  const before = [fs, promises].map((module) => ({ module, calls: callsOf(module) }));
  for (const { module, calls } of before)
    for (const [name, call] of calls)
      Object.assign(module, {
        [name](this: unknown, ...args: unknown[]): unknown {
          counted.calls += 1;
          const result = call.apply(this, args);
          if (!name.startsWith('readdir')) return result;
          return result instanceof Promise ? result.then(noteListed) : noteListed(result);
        },
      });
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    for (const { module, calls } of before) Object.assign(module, Object.fromEntries(calls));
    syncBuiltinESMExports();
  }
  return counted;
}
