/**
 * What workloads of the bench cost in work instead of time: copies, allocations, slabs, messages and calls of kernels, per million rows,
 * on one lane where the name does not say two. Work is the same on every machine and under any load, so that a change that does more of it is seen where a clock would not tell.
 * Where a limit is passed for a reason, raise it and say why; where a change does less, lower it.
 */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runNode } from '#support/process';
import { temporaryFolder } from '#support/temporary-folder';

const ROWS = 200_000;
/** For a machine that is busy with other tests. */
const PATIENCE_MS = 300_000;
const built = (name: string): string => fileURLToPath(new URL(`../dist/fixtures/${name}.js`, import.meta.url));

type Work = Record<
  | 'kernelCalls'
  | 'slabs'
  | 'slabMegabytes'
  | 'copiedMegabytes'
  | 'allocations'
  | 'allocatedMegabytes'
  | 'packets'
  | 'messages',
  number
>;

/** A quarter above what was counted when they were last changed; some allocations and messages depend on who comes first. */
const LIMITS: Record<string, Work> = {
  // Hours, days and weeks in shared memory: nothing is copied, states are all that is allocated.
  W1: {
    kernelCalls: 370,
    slabs: 340,
    slabMegabytes: 5,
    copiedMegabytes: 0.01,
    allocations: 60,
    allocatedMegabytes: 0.01,
    packets: 20,
    messages: 60,
  },
  // From a dataset: a page is decoded beside the arena and copied into its slab, 16 bytes a row.
  W2a: {
    kernelCalls: 1700,
    slabs: 400,
    slabMegabytes: 25,
    copiedMegabytes: 20,
    allocations: 500,
    allocatedMegabytes: 10,
    packets: 45,
    messages: 90,
  },
  // By two lanes that read: a page is decoded right into its slab, so nothing but texts of footers is copied.
  W2aTwoLanes: {
    kernelCalls: 1900,
    slabs: 440,
    slabMegabytes: 30,
    copiedMegabytes: 0.2,
    allocations: 500,
    allocatedMegabytes: 10,
    packets: 45,
    messages: 110,
  },
  // From a Snappy file: as W2a, and each page unpacked.
  W2b: {
    kernelCalls: 2000,
    slabs: 400,
    slabMegabytes: 25,
    copiedMegabytes: 20,
    allocations: 500,
    allocatedMegabytes: 10,
    packets: 45,
    messages: 90,
  },
  // Text into a dataset: a chunk is copied into a slab, and pages are copied together for the file.
  W3: {
    kernelCalls: 1300,
    slabs: 90,
    slabMegabytes: 54,
    copiedMegabytes: 43,
    allocations: 120,
    allocatedMegabytes: 2,
    packets: 70,
    messages: 120,
  },
  // As-of join: 8 bytes of each trade's quote are gathered, nothing else is moved.
  W4: {
    kernelCalls: 430,
    slabs: 290,
    slabMegabytes: 36,
    copiedMegabytes: 0.01,
    allocations: 120,
    allocatedMegabytes: 0.02,
    packets: 30,
    messages: 110,
  },
  // Sorted, joined, by symbol and minute into a dataset: quotes are decoded, sorted, gathered and matched, and a tenth as many trades.
  W5: {
    kernelCalls: 4500,
    slabs: 1500,
    slabMegabytes: 270,
    copiedMegabytes: 86,
    allocations: 900,
    allocatedMegabytes: 28,
    packets: 110,
    messages: 110,
  },
  // By 200 keys: numbers of keys, four bytes a row.
  W6: {
    kernelCalls: 640,
    slabs: 490,
    slabMegabytes: 18,
    copiedMegabytes: 0.01,
    allocations: 90,
    allocatedMegabytes: 0.03,
    packets: 10,
    messages: 60,
  },
  // A key of its own for every row: its states are larger than the rows.
  W6many: {
    kernelCalls: 7000,
    slabs: 1600,
    slabMegabytes: 680,
    copiedMegabytes: 0.01,
    allocations: 350,
    allocatedMegabytes: 10,
    packets: 10,
    messages: 60,
  },
  // Events of ten rows through three ops: two slabs each, and a packet of what comes out where there is room for it.
  W7: {
    kernelCalls: 10,
    slabs: 270_000,
    slabMegabytes: 93,
    copiedMegabytes: 30,
    allocations: 60,
    allocatedMegabytes: 0.1,
    packets: 21_000,
    messages: 60,
  },
};

let counted: Record<string, Record<string, number>> | undefined;

/** All workloads, once. */
async function count(): Promise<Record<string, Record<string, number>>> {
  const [counts, folder] = [temporaryFolder(), temporaryFolder()];
  const args = ['--import', built('count-work'), built('work-jobs'), String(ROWS), folder];
  const { code, stdout, stderr } = await runNode(args, { env: { SPILLWAY_COUNTS: counts } });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, Record<string, number>>;
}

it.each(Object.keys(LIMITS))(
  '%s does no more work than it did',
  async (name) => {
    counted ??= await count();
    const {
      slabBytes = Number.NaN,
      copiedBytes = Number.NaN,
      allocatedBytes = Number.NaN,
      ...counts
    } = counted[name] ?? {};
    const work = {
      ...counts,
      slabMegabytes: slabBytes / 1e6,
      copiedMegabytes: copiedBytes / 1e6,
      allocatedMegabytes: allocatedBytes / 1e6,
    };
    const passed = Object.entries(LIMITS[name] as Work).filter(
      ([what, most]) => !(((work as Record<string, number>)[what] as number) <= most),
    );
    expect(passed, `per million rows: ${JSON.stringify(work)}`).toEqual([]);
  },
  PATIENCE_MS,
);

it(
  'the counter sees what threads do',
  async () => {
    counted ??= await count();
    for (const what of ['kernelCalls', 'slabs', 'copiedBytes', 'allocations', 'packets', 'messages'])
      expect(counted['W2a']?.[what], what).toBeGreaterThan(10);
  },
  PATIENCE_MS,
);
