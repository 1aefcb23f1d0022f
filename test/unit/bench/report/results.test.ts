import type { Figure } from '@spillway/bench/measure/figure';
import { changesOf } from '@spillway/bench/report/against';
import { chartsPage } from '@spillway/bench/report/page';
import { withReadmeTable } from '@spillway/bench/report/readme-table';
import { groupsOf, type Results } from '@spillway/bench/report/results';
import { resultsText } from '@spillway/bench/report/tables';
import { expect, it } from 'vitest';

const W1: Figure = {
  workload: 'W1',
  what: 'hours <of> rows',
  rows: 50_000_000,
  ours: 50,
  spread: [48, 53],
  unit: 'ms',
  bound: { what: 'memory read once', value: 40 },
};

const RESULTS: Results = {
  environment: {
    at: '2026-11-22T10:00:00.000Z',
    commit: 'abc1234',
    node: 'v20.20.2',
    platform: 'linux',
    cpu: 'a processor',
    cores: 2,
    memoryBytes: 2 ** 34,
    load: 0.1,
  },
  hardware: { memoryRead: 20e9, memoryCopy: 10e9, cachedRead: 8e9, diskWrite: 1e9 },
  figures: [
    { ...W1, rows: 500_000, ours: 8 },
    {
      ...W1,
      peer: { name: 'duckdb', version: 'v1', value: 750, spread: [740, 760] },
      ratio: 15,
      target: { atLeastRatio: 20 },
    },
    { ...W1, peer: { name: 'arquero', note: 'has no first' } },
  ],
};

it('tables and charts show the largest size', () => {
  expect(groupsOf(RESULTS.figures).map(({ figures }) => figures.map(({ rows }) => rows))).toEqual([
    [50_000_000, 50_000_000],
  ]);
});

it('sizes without peers, for how time grows, do not hide the one beside peers', () => {
  const larger = { ...W1, rows: 500_000_000, ours: 500 };
  const same = { ...W1, ours: 40 };
  expect(groupsOf([same, ...RESULTS.figures])).toEqual(groupsOf(RESULTS.figures));
  const [before] = groupsOf([larger, ...RESULTS.figures]);
  const [behind] = groupsOf([...RESULTS.figures, larger]);
  expect(before?.figures.map(({ peer }) => peer?.name)).toEqual(['duckdb', 'arquero']);
  expect(behind).toEqual(before);
});

it('the printed table has ratio, goal, distance from the hardware, and what a peer cannot do', () => {
  const text = resultsText(RESULTS);
  expect(text).toMatch(/hours <of> rows, 50 M +50\.0 ms +± 5 % +duckdb v1 +750 ms +± 1 % +15\.00 × +≥ 20 × +no +80 %/);
  expect(text).toContain('W1, arquero is left out: has no first');
});

it('the page of charts is HTML without anything to load', () => {
  const page = chartsPage(RESULTS);
  expect(page).toContain('hours &lt;of&gt; rows, 50 M rows');
  expect(page).toContain('750 ms = 15.00 ×');
  expect(page).not.toMatch(/<script|<link|src=/);
});

it('a change is clear where the spreads do not touch', () => {
  const before = (low: number, high: number): Results => ({
    ...RESULTS,
    figures: [{ ...W1, ours: 100, spread: [low, high] }],
  });
  expect(changesOf(RESULTS, before(90, 110))).toMatchObject([{ factor: 2, isClear: true }]);
  expect(changesOf(RESULTS, before(52, 110))).toMatchObject([{ factor: 2, isClear: false }]);
  expect(changesOf(RESULTS, { ...RESULTS, figures: [{ ...W1, what: 'another' }] })).toEqual([]);
});

it('the table of a README is made anew between its marks', () => {
  const marks = [
    '<!-- figures: made by `npm run bench -- --from FILE --readme README.md` -->',
    '<!-- end of figures -->',
  ];
  const text = withReadmeTable(`before\n${marks[0]}\nold\n${marks[1]}\nafter`, RESULTS);
  expect(text).toContain('| hours <of> rows, 50 M (W1) | 50.0 ms | 750 ms duckdb | 15.0 × | 20 × | 80 % |  |');
  expect(text).not.toContain('old');
  expect(text).toMatch(/^before[^]*after$/);
  expect(withReadmeTable(text, RESULTS)).toBe(text);
  expect(() => withReadmeTable('nothing', RESULTS)).toThrow('no place for the figures');
});
