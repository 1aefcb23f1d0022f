import { readCgroupMemory } from '@spillway/workers/internal';
import { describe, expect, it } from 'vitest';

const tree = (files: Record<string, string>) => (path: string) => files[path];
const MIB = 2 ** 20;

describe('readCgroupMemory', () => {
  it('finds a v2 limit on a parent of the own group', () => {
    const read = tree({
      '/proc/self/cgroup': '0::/user.slice/job.scope\n',
      '/sys/fs/cgroup/user.slice/job.scope/memory.max': 'max\n',
      '/sys/fs/cgroup/user.slice/memory.max': `${512 * MIB}\n`,
      '/sys/fs/cgroup/user.slice/memory.current': `${300 * MIB}\n`,
      '/sys/fs/cgroup/user.slice/memory.stat': `anon 1\ninactive_file ${100 * MIB}\n`,
    });
    expect(readCgroupMemory(read)).toEqual({
      limitBytes: 512 * MIB,
      workingSetBytes: 200 * MIB,
      group: '/sys/fs/cgroup/user.slice',
    });
  });

  it('takes the tightest of several limits on the way up', () => {
    const read = tree({
      '/proc/self/cgroup': '0::/a/b\n',
      '/sys/fs/cgroup/a/b/memory.max': `${800 * MIB}\n`,
      '/sys/fs/cgroup/a/b/memory.current': '1\n',
      '/sys/fs/cgroup/a/memory.max': `${400 * MIB}\n`,
      '/sys/fs/cgroup/a/memory.current': `${MIB}\n`,
    });
    expect(readCgroupMemory(read)?.limitBytes).toBe(400 * MIB);
  });

  it('reads v1, where the limit of the mounted root binds although the own path is not there', () => {
    const read = tree({
      '/proc/self/cgroup': '4:memory:/docker/0123\n1:cpu:/\n0::/\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${256 * MIB}\n`,
      '/sys/fs/cgroup/memory/memory.usage_in_bytes': `${90 * MIB}\n`,
      '/sys/fs/cgroup/memory/memory.stat': `inactive_file ${MIB}\ntotal_inactive_file ${40 * MIB}\n`,
    });
    expect(readCgroupMemory(read)).toEqual({
      limitBytes: 256 * MIB,
      workingSetBytes: 50 * MIB,
      group: '/sys/fs/cgroup/memory',
    });
  });

  it.each(['max', '9223372036854771712', '18446744073709551615', ''])('takes %j as no limit', (text) => {
    const read = tree({
      '/proc/self/cgroup': '0::/\n4:memory:/\n',
      '/sys/fs/cgroup/memory.max': text,
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': text,
    });
    expect(readCgroupMemory(read)).toBeUndefined();
  });

  it('says nothing where there are no control groups', () => {
    expect(readCgroupMemory(() => undefined)).toBeUndefined();
  });
});
