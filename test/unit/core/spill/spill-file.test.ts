import { openSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Arena,
  batchToArrow,
  batchToRows,
  createArena,
  fieldsFromShape,
  LaneSpill,
  type LaneSpillOptions,
  loadArrow,
  nodeDisk,
  rowsToBatch,
  type SpillAlert,
  type SpillDisk,
  type SpillFile,
  sliceBatch,
} from '@spillway/core/internal';
import { tableFromIPC } from 'apache-arrow';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type SeededRandom, seededRandom } from '#support/random';
import { type Row, randomFields, randomRows } from '#support/random-rows';
import { temporaryFolder } from '#support/temporary-folder';

const OWNER = 5;
const FIELDS = fieldsFromShape({ ts: 'int64', text: 'utf8' });
const ROWS = [
  { ts: 1n, text: 'one' },
  { ts: null, text: 'zwei €' },
  { ts: 3n, text: null },
];
let arena: Arena;
let spill: LaneSpill;
let folder: string;

function open(more: Partial<LaneSpillOptions> = {}): LaneSpill {
  folder = join(temporaryFolder(), 'run');
  spill = new LaneSpill({ folder, lane: '0', sleep: () => Promise.resolve(), ...more });
  return spill;
}

beforeEach(() => {
  arena = createArena({ debug: true, maximumBytes: 64 * 2 ** 20 });
});

afterEach(() => {
  spill?.close();
  expect([arena.usedSlabs(), arena.usedBytes()]).toEqual([0, 0]);
});

async function append(file: SpillFile, rows: readonly Row[] = ROWS): Promise<Awaited<ReturnType<SpillFile['append']>>> {
  const batch = rowsToBatch(arena, OWNER, file.fields, rows);
  try {
    return await file.append(batch);
  } finally {
    batch.release();
  }
}

function readBack(file: SpillFile, position: Awaited<ReturnType<SpillFile['append']>>): Row[] {
  const batch = file.read(position, arena, OWNER);
  const rows = batchToRows(batch);
  batch.release();
  return rows;
}

async function codeOf(promise: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> {
  return promise.then(
    () => ({ code: 'none', message: '', hint: '' }),
    (error) => error as { code: string; message: string; hint: string },
  );
}

describe('what comes back', () => {
  test('random batches of every type, in any order, and slices of them', async () => {
    const random: SeededRandom = seededRandom();
    open();
    for (let round = 0; round < 30; round++) {
      const fields = randomFields(random);
      const file = spill.createFile(arena, fields, 'test');
      const written = [];
      for (let count = random.integer(1, 4); count > 0; count--) {
        const rows = randomRows(random, fields, random.pick([0, 1, 7, 8, 9, random.integer(0, 100)]));
        const whole = rowsToBatch(arena, OWNER, fields, rows);
        const from = random.integer(0, rows.length);
        const length = random.integer(0, rows.length - from);
        const batch = sliceBatch(arena, OWNER, whole, from, length);
        written.push({ expected: batchToRows(batch), bytes: batch.logicalBytes, position: await file.append(batch) });
        whole.release();
        batch.release();
      }
      for (const { expected, bytes, position } of [...written].sort(() => random.next() - 0.5)) {
        const batch = file.read(position, arena, OWNER);
        expect(batchToRows(batch)).toEqual(expected);
        expect(batch.logicalBytes).toBe(bytes);
        batch.release();
      }
      file.delete();
    }
  });

  test('a batch that is sent, sliced and retained after it was read outlives the file', async () => {
    const file = open().createFile(arena, FIELDS, 'test');
    const position = await append(file);
    const batch = file.read(position, arena, OWNER);
    file.delete();
    const slice = sliceBatch(arena, OWNER, batch, 1, 2);
    batch.release();
    expect(batchToRows(slice)).toEqual(ROWS.slice(1));
    slice.release();
  });

  test('buffers begin at multiples of 64 bytes, in one slab', async () => {
    const file = open().createFile(arena, FIELDS, 'test');
    const batch = file.read(await append(file), arena, OWNER);
    const [ts, text] = batch.columns;
    for (const pointer of [ts?.values, ts?.validity, text?.offsets, text?.values]) expect((pointer ?? 1) % 64).toBe(0);
    expect(arena.usedSlabs()).toBe(1);
    batch.release();
  });

  test('the file is an Arrow IPC stream that apache-arrow reads', async () => {
    const fields = fieldsFromShape({
      ts: 'timestamp[us, UTC]',
      key: 'dictionary<utf8>',
      list: 'list<int32>',
      on: 'bool',
    });
    const file = open().createFile(arena, fields, 'test');
    const rows = [
      { ts: 1n, key: 'a', list: [1, null], on: true },
      { ts: 2n, key: null, list: null, on: false },
      { ts: 3n, key: 'b', list: [], on: null },
    ];
    await append(file, rows);
    await append(file, rows.slice(1));
    const table = tableFromIPC(readFileSync(file.path));
    const expected = [rows, rows.slice(1)].map((part) => {
      const batch = rowsToBatch(arena, OWNER, fields, part);
      return batch;
    });
    const arrow = await loadArrow();
    expect(table.batches.length).toBe(2);
    table.batches.forEach((batch, index) => {
      const own = batchToArrow(arrow, expected[index] as never);
      expect(JSON.stringify(batch.toArray())).toBe(JSON.stringify(own.toArray()));
    });
    for (const batch of expected) batch.release();
  });
});

describe('bytes and files', () => {
  test('the folder and the file come with the first batch, for their owner alone, and the file goes when it is deleted', async () => {
    const file = open().createFile(arena, FIELDS, 'test');
    expect(() => statSync(folder)).toThrow('ENOENT');
    await append(file);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
    expect(statSync(file.path).size).toBe(file.bytes);
    expect(spill.spilledBytes).toBe(file.bytes);
    file.delete();
    file.delete();
    expect(() => statSync(file.path)).toThrow('ENOENT');
    expect(spill.spilledBytes).toBe(file.bytes);
  });

  test('close deletes what is left', async () => {
    open();
    const files = ['a', 'b'].map((name) => spill.createFile(arena, FIELDS, name));
    for (const file of files) await append(file);
    spill.close();
    for (const file of files) expect(() => statSync(file.path)).toThrow('ENOENT');
  });

  test('past the limit is refused, naming used and limit; deleting gives room again', async () => {
    open({ limitBytes: 1500 });
    const first = spill.createFile(arena, FIELDS, 'sort "a"');
    const position = await append(first);
    const second = spill.createFile(arena, FIELDS, 'sort "b"');
    const refused = await codeOf(append(second));
    expect(refused.code).toBe('ERR_SPILL_LIMIT');
    expect(refused.message).toMatch(/sort "b" asked to spill .* more, .* of the spillLimit of 1\.5 ?KiB are used/);
    expect(refused.hint).toContain('spillLimit');
    expect(readBack(first, position)).toEqual(ROWS);
    first.delete();
    expect(readBack(second, await append(second))).toEqual(ROWS);
  });
});

describe('damage', () => {
  test('a changed byte is found, naming file and offset', async () => {
    const file = open().createFile(arena, FIELDS, 'test');
    await append(file);
    const position = await append(file);
    const bytes = readFileSync(file.path);
    const at = position.offset + position.bytes - 60;
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(file.path, bytes);
    expect(() => file.read(position, arena, OWNER)).toThrowError(
      expect.objectContaining({ code: 'ERR_SPILL_CORRUPT', file: file.path, value: String(position.offset) }),
    );
  });

  test('a file that was cut is found', async () => {
    const file = open().createFile(arena, FIELDS, 'test');
    const position = await append(file);
    truncateSync(file.path, file.bytes - 100);
    expect(() => file.read(position, arena, OWNER)).toThrowError(/ends 100 bytes early/);
  });
});

describe('a disk that does not take bytes', () => {
  const failing = (code: string, times: number): SpillDisk => {
    let left = times;
    return {
      ...nodeDisk,
      write: (fd, views, position) => {
        if (left-- > 0) throw Object.assign(new Error(code), { code });
        return nodeDisk.write(fd, views, position);
      },
    };
  };

  test('waits while it is full, says so once, and goes on', async () => {
    const alerts: SpillAlert[] = [];
    const waits: number[] = [];
    open({
      disk: failing('ENOSPC', 3),
      onAlert: (alert) => alerts.push(alert),
      sleep: async (ms) => void waits.push(ms),
    });
    const file = spill.createFile(arena, FIELDS, 'sort');
    expect(readBack(file, await append(file))).toEqual(ROWS);
    expect(waits).toEqual([50, 100, 200]);
    expect(alerts.map(({ message }) => message)).toEqual([
      `sort waits: the disk is full, and ${file.path} has to be written`,
    ]);
  });

  test.each(['ENOSPC', 'EIO'])('fails after a while (%s), and gives the bytes back to the limit', async (code) => {
    let used = 0;
    open({ disk: failing(code, 1e9), account: { add: (bytes) => (used += bytes) } });
    const file = spill.createFile(arena, FIELDS, 'sort');
    const refused = await codeOf(append(file));
    expect(refused).toMatchObject({ code: 'ERR_SPILL_DISK', file: file.path });
    expect(refused.hint).toContain('spillDirectory');
    expect(used).toBe(0);
  });

  test('does not wait where that cannot help', async () => {
    const waits: number[] = [];
    open({ disk: failing('EROFS', 1), sleep: async (ms) => void waits.push(ms) });
    expect(await codeOf(append(spill.createFile(arena, FIELDS, 'sort')))).toMatchObject({ code: 'ERR_SPILL_DISK' });
    expect(waits).toEqual([]);
  });

  test('stops waiting when the run is aborted', async () => {
    const abort = new AbortController();
    open({ disk: failing('ENOSPC', 1e9), signal: abort.signal, sleep: async () => abort.abort() });
    expect(await codeOf(append(spill.createFile(arena, FIELDS, 'sort')))).toMatchObject({ code: 'ERR_ABORTED' });
  });

  test('/dev/full is a full disk', async () => {
    open({ disk: { ...nodeDisk, open: () => openSync('/dev/full', 'r+') } });
    expect(await codeOf(append(spill.createFile(arena, FIELDS, 'sort')))).toMatchObject({
      code: 'ERR_SPILL_DISK',
      message: expect.stringContaining('the disk is full'),
    });
  });

  test('short writes are completed', async () => {
    const disk: SpillDisk = {
      ...nodeDisk,
      write: (fd, views, position) => {
        const first = views.find((view) => view.length > 0) as Uint8Array;
        return nodeDisk.write(fd, [first.subarray(0, 7)], position);
      },
    };
    open({ disk });
    const file = spill.createFile(arena, FIELDS, 'sort');
    expect(readBack(file, await append(file))).toEqual(ROWS);
  });
});
