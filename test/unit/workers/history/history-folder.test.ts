import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HistoryFolder } from '@spillway/workers/internal';
import { describe, expect, it } from 'vitest';
import { PLAN, pastRun } from '#support/past-runs';
import { quickFolder } from '#support/temporary-folder';

const OTHER = 'b'.repeat(32);

describe('a folder of records', () => {
  it('gives back what was left, oldest first', async () => {
    const folder = new HistoryFolder(join(quickFolder(), 'not', 'there', 'yet'));
    await folder.add(pastRun(2));
    await folder.add(pastRun(1));
    expect((await folder.ofPlan(PLAN)).map(({ id }) => id)).toEqual([pastRun(1).id, pastRun(2).id]);
    expect(await folder.find('last')).toEqual(pastRun(2));
  });

  it('is empty where nothing has been left', async () => {
    expect(await new HistoryFolder(join(quickFolder(), 'none')).names()).toEqual([]);
  });

  it('keeps the last hundred runs of a plan, and those of others', async () => {
    const folder = new HistoryFolder(quickFolder());
    await folder.add(pastRun(0, {}, { plan: OTHER }));
    for (let n = 1; n <= 103; n += 1) await folder.add(pastRun(n));
    const names = await folder.names();
    expect(names.filter(({ plan }) => plan === OTHER)).toHaveLength(1);
    expect(names.filter(({ plan }) => plan === PLAN)).toHaveLength(100);
    expect(names.at(1)?.id).toBe(pastRun(4).id);
  });

  it('keeps at most five hundred in all', async () => {
    const path = quickFolder();
    for (let n = 0; n < 510; n += 1) {
      const { id } = pastRun(n);
      writeFileSync(join(path, `${id}.${String(n).padStart(32, '0')}.json`), '{}');
    }
    const folder = new HistoryFolder(path);
    await folder.add(pastRun(600));
    expect(await folder.names()).toHaveLength(500);
  });

  it('leaves no half record, and clears those of writers that were killed', async () => {
    const path = quickFolder();
    const left = join(path, `.${pastRun(1).id}.${PLAN}.json`);
    writeFileSync(left, '{"version":');
    utimesSync(left, 0, 0);
    const folder = new HistoryFolder(path);
    expect(await folder.names()).toEqual([]);
    await folder.add(pastRun(2));
    expect(readdirSync(path)).toEqual([`${pastRun(2).id}.${PLAN}.json`]);
  });

  it('leaves alone what is none of its own', async () => {
    const path = quickFolder();
    writeFileSync(join(path, 'notes.txt'), 'mine');
    const folder = new HistoryFolder(path);
    await folder.add(pastRun(1));
    expect(readdirSync(path)).toContain('notes.txt');
    expect(await folder.names()).toHaveLength(1);
  });

  it('passes over a record that is damaged', async () => {
    const path = quickFolder();
    const folder = new HistoryFolder(path);
    await folder.add(pastRun(1));
    writeFileSync(join(path, `${pastRun(2).id}.${PLAN}.json`), '{"version":');
    expect((await folder.ofPlan(PLAN)).map(({ id }) => id)).toEqual([pastRun(1).id]);
  });

  it('finds a run by the beginning of its id, and says when there are several', async () => {
    const folder = new HistoryFolder(quickFolder());
    await folder.add(pastRun(1));
    await folder.add(pastRun(2));
    expect((await folder.find('20260102')).id).toBe(pastRun(1).id);
    await expect(folder.find('2026')).rejects.toMatchObject({
      code: 'ERR_OPTIONS',
      message: expect.stringContaining('2 runs'),
    });
    await expect(folder.find('1999')).rejects.toMatchObject({ code: 'ERR_OPTIONS' });
  });

  it('keeps a record of a very large plan without its series', async () => {
    const folder = new HistoryFolder(quickFolder());
    const point = { stageBytes: new Array(200_000).fill(1234567) } as never;
    await folder.add(pastRun(1, {}, { series: [point] }));
    expect((await folder.find('last')).series).toEqual([]);
  });
});
