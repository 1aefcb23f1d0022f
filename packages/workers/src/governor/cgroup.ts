import { readFileSync } from 'node:fs';
import { posix } from 'node:path';

/** The memory bound that the operating system's control groups put on this process, and what is used of it. */
export interface CgroupMemory {
  /** The tightest limit on the way from the process's own group up to the root, in bytes. */
  limitBytes: number;
  /** Bytes charged to the group that has this limit, less its inactive file cache (which the kernel gives back by itself). */
  workingSetBytes: number;
  /** Folder of the group that has this limit, for messages. */
  group: string;
}

/** Reads a small file as text; undefined when it is not there. Injected, so that tests bring a tree of their own. */
export type ReadText = (path: string) => string | undefined;

/** Reads from the real file system; a file that cannot be read counts as absent. */
export const readTextFile: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/**
 * Limits from here on mean "no limit": cgroup v1 writes 2^63 rounded down to a page, `process.constrainedMemory()`
 * returns 1.8e19, v2 writes "max".
 */
const NO_LIMIT_BYTES = 2 ** 60;

interface Hierarchy {
  mount: string;
  limitFile: string;
  usageFile: string;
  /** Key in memory.stat. */
  inactiveFile: string;
}

const V1: Hierarchy = {
  mount: '/sys/fs/cgroup/memory',
  limitFile: 'memory.limit_in_bytes',
  usageFile: 'memory.usage_in_bytes',
  inactiveFile: 'total_inactive_file',
};

const V2: Omit<Hierarchy, 'mount'> = {
  limitFile: 'memory.max',
  usageFile: 'memory.current',
  inactiveFile: 'inactive_file',
};

/** Mount points of cgroup v2: alone (unified) or beside v1 (hybrid). */
const V2_MOUNTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'];

function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = Number(text.trim());
  return Number.isFinite(bytes) && bytes > 0 && bytes < NO_LIMIT_BYTES ? bytes : undefined;
}

function statValue(stat: string | undefined, key: string): number {
  const line = stat?.split('\n').find((candidate) => candidate.startsWith(`${key} `));
  return line === undefined ? 0 : Number(line.slice(key.length + 1));
}

/** Paths from `group` up to the root: a limit anywhere above binds the process too. */
function groupsUpwards(group: string): string[] {
  const groups: string[] = [];
  for (let path = posix.normalize(`/${group}`); ; path = posix.dirname(path)) {
    groups.push(path);
    if (path === '/') return groups;
  }
}

function tightest(hierarchy: Hierarchy, group: string, read: ReadText): CgroupMemory | undefined {
  let found: CgroupMemory | undefined;
  for (const path of groupsUpwards(group)) {
    // In a container the own group is often mounted as the root, so a path from outside is not there: its parents are tried.
    const folder = path === '/' ? hierarchy.mount : posix.join(hierarchy.mount, path);
    const limitBytes = parseLimit(read(posix.join(folder, hierarchy.limitFile)));
    if (limitBytes === undefined || (found !== undefined && found.limitBytes <= limitBytes)) continue;
    const usage = Number(read(posix.join(folder, hierarchy.usageFile)) ?? 0);
    const inactive = statValue(read(posix.join(folder, 'memory.stat')), hierarchy.inactiveFile);
    found = { limitBytes, workingSetBytes: Math.max(0, usage - inactive), group: folder };
  }
  return found;
}

/** Own group by hierarchy, from lines `id:controllers:path` of /proc/self/cgroup. */
function ownGroups(read: ReadText): { v1: string | undefined; v2: string | undefined } {
  const groups: { v1: string | undefined; v2: string | undefined } = { v1: undefined, v2: undefined };
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [id, controllers, ...path] = line.split(':');
    if (id === '0' && controllers === '') groups.v2 = path.join(':');
    else if (controllers?.split(',').includes('memory')) groups.v1 = path.join(':');
  }
  return groups;
}

/**
 * The tightest memory limit of the control groups (v1 and v2) that hold this process, walking up from its own group.
 * Undefined when there is none: no cgroups, or "max" and its like everywhere.
 */
export function readCgroupMemory(read: ReadText = readTextFile): CgroupMemory | undefined {
  const own = ownGroups(read);
  const found: CgroupMemory[] = [];
  if (own.v1 !== undefined) {
    const v1 = tightest(V1, own.v1, read);
    if (v1 !== undefined) found.push(v1);
  }
  if (own.v2 !== undefined) {
    for (const mount of V2_MOUNTS) {
      const v2 = tightest({ ...V2, mount }, own.v2, read);
      if (v2 !== undefined) found.push(v2);
    }
  }
  return found.sort((a, b) => a.limitBytes - b.limitBytes)[0];
}
