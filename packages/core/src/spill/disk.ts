/** The real file system, for spilling. */
import { closeSync, openSync, readSync, rmSync, writevSync } from 'node:fs';
import { makeFolders } from '../formats/make-folders.ts';
import type { SpillAccount, SpillDisk } from './contract.ts';

export const nodeDisk: SpillDisk = {
  makeFolder: (path) => void makeFolders(path, 0o700),
  // Exclusive: a file that somebody else put there is never written to.
  open: (path) => openSync(path, 'wx+', 0o600),
  reopen: (path) => openSync(path, 'r+'),
  write: (fd, views, position) => writevSync(fd, views, position),
  read: (fd, view, position) => readSync(fd, view, 0, view.length, position),
  close: closeSync,
  remove: (path) => rmSync(path, { force: true }),
};

/** Counts in one 64-bit word of shared memory, so that the threads of a run have one limit together. */
export function sharedAccount(buffer: SharedArrayBuffer, at: number): SpillAccount {
  const counter = new BigInt64Array(buffer, at, 1);
  return { add: (bytes) => Number(Atomics.add(counter, 0, BigInt(bytes))) + bytes };
}

/** Counts for one thread. */
export function localAccount(): SpillAccount {
  let total = 0;
  return { add: (bytes) => (total += bytes) };
}
