/** What goes wrong around a run's memory, for as long as it is asked to: one-tenth in `npm test`, all of it in `npm run test:soak -- faults`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cell, runCell } from '@spillway/bench/memory/matrix';
import { type Peak, watchPeakIn } from '@spillway/bench/memory/watch-peak';

const MEBIBYTE = 2 ** 20;
/** On each lane, of each batch: ten of them and two lanes take half of the memory limit, which is more than the op's part. */
const TAKEN_OF_LIMIT = 1 / 40;
/** The lanes together take four times the limit. */
const TOO_MUCH_OF_LIMIT = 1 / 5;

/** A sink a hundred times slower than it has to be. */
export function slowSink(forMs: number, timesLimit: number): Promise<Cell> {
  return runCell({ job: 'delivered', memoryLimit: 64 * MEBIBYTE, workers: 2, timesLimit, slowSinkMs: forMs });
}

/** A main thread that answers nobody, while lanes write a dataset. */
export function blockedMain(forMs: number, timesLimit: number): Promise<Cell> {
  return runCell({ job: 'append', memoryLimit: 160 * MEBIBYTE, workers: 2, timesLimit, blockMainMs: forMs });
}

/** An op that takes memory of every batch and gives all of it back at every tenth. */
export function hostile(limitBytes: number, timesLimit: number, isTooMuch: boolean): Promise<Cell> {
  const takenBytes = Math.floor(limitBytes * (isTooMuch ? TOO_MUCH_OF_LIMIT : TAKEN_OF_LIMIT));
  return runCell({ job: 'hostile', memoryLimit: limitBytes, workers: 2, timesLimit, takenBytes });
}

/** A folder on a file system of so many bytes; undefined where mounting is not permitted. `unmount` removes both. */
export function smallDisk(bytes: number): { folder: string; unmount(): void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmdirSync(folder);
    return undefined;
  }
  return {
    folder,
    unmount: () => {
      execFileSync('umount', [folder]);
      rmdirSync(folder);
    },
  };
}

const GROUPS = '/sys/fs/cgroup/memory';

/**
 * Runs a job that may have far more memory than its control group. Undefined where no group can be made (it has to be version 1, and this
 * process its master).
 */
export async function inControlGroup(groupBytes: number, timesLimit: number): Promise<Peak | undefined> {
  const group = join(GROUPS, `spillway-test-${process.pid}`);
  try {
    mkdirSync(group);
    writeFileSync(join(group, 'memory.limit_in_bytes'), String(groupBytes));
  } catch {
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'spillway-group-'));
  const job = { job: 'sort', memoryLimit: 1024 * MEBIBYTE, workers: 2, timesLimit } as const;
  try {
    return await watchPeakIn(folder, job, (pid) => writeFileSync(join(group, 'cgroup.procs'), String(pid)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmdirSync(group);
  }
}
