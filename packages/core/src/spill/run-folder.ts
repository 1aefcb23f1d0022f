/**
 * The folder that a run spills into, and those that crashed processes left. A folder's name says whose it is: process id,
 * the instant that process began (ids are given out again), and the namespace that the id is from (containers may share a
 * temporary folder, and what is alive in one is not seen from another).
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = /^spillway-(\d+)-([0-9a-z]+)\.([0-9a-z]+)-\d+$/;
let runs = 0;

/** Clock ticks after boot at which a process began; '0' where the system does not say. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name of the program is in brackets and may hold anything.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 0).toString(36);
  } catch {
    // No such process, or no such file system.
    return '0';
  }
}

function namespaceOf(): string {
  try {
    return Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 0).toString(36);
  } catch {
    // Not on this system: ids are then taken to be of one space.
    return '0';
  }
}

/** A name that no other run has. Nothing is made. */
export function runFolder(directory: string): string {
  return join(directory, `spillway-${process.pid}-${startOf(process.pid)}.${namespaceOf()}-${++runs}`);
}

/** Whether a folder of this name belongs to a process of this machine that is gone. */
export function isStale(name: string): boolean {
  const match = NAME.exec(name);
  if (match === null || match[3] !== namespaceOf()) return false;
  const pid = Number(match[1]);
  if (!isAlive(pid)) return true;
  const start = startOf(pid);
  return start !== '0' && start !== match[2];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive too.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Removes the folders that dead processes of this user left in a directory. Returns their paths. Never throws: it is a courtesy. */
export async function sweepStaleFolders(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  const swept: string[] = [];
  for (const name of names) {
    if (!isStale(name)) continue;
    const path = join(directory, name);
    try {
      const { uid, isDirectory } = await lstat(path).then((stats) => ({
        uid: stats.uid,
        isDirectory: stats.isDirectory(),
      }));
      if (!isDirectory || uid !== (process.getuid?.() ?? uid)) continue;
      await rm(path, { recursive: true, force: true });
      swept.push(path);
    } catch {
      // Another process sweeps the same folder, or may not be asked: the next start tries again.
      continue;
    }
  }
  return swept;
}
