import type { AlertEvent, MetricsSnapshot } from '@spillway/workers';
import { ALERT_RULES, AlertBoard, parseAlertOptions } from '@spillway/workers/internal';
import { beforeEach, describe, expect, it } from 'vitest';
import { edgeOf, MEBIBYTE, memoryOf, sinkOf, snapshotAt, stageOf } from '../../../support/snapshots.ts';

let events: AlertEvent[];
let board: AlertBoard;
beforeEach(() => {
  events = [];
  board = new AlertBoard(ALERT_RULES, (event) => void events.push(event));
});

/** Looks every second for so long; `of` says what there is at a time. */
function lookFrom(startMs: number, endMs: number, of: (ms: number) => Partial<MetricsSnapshot>): void {
  for (let ms = startMs; ms <= endMs; ms += 1000) board.look(snapshotAt(ms, of(ms)));
}

const told = (): string[] => events.map(({ kind, state, stage }) => `${kind} ${state} ${stage}`);
const CRITICAL = { level: 'critical', index: 3, fraction: 0.97, managedFraction: 0.97, outsideFraction: 0 } as const;

it('stays quiet in a healthy run', () => {
  lookFrom(0, 120_000, (ms) => ({
    sinks: [sinkOf('store', ms / 2)],
    edges: [edgeOf('stage', 'store', 8)],
    memory: memoryOf({ spilledBytes: ms * 1000, disk: { folder: '/spill', freeBytes: 1e12, totalBytes: 2e12 } }),
  }));
  expect(events).toEqual([]);
});

it('raises what has lasted, once, and clears it when it has been gone for a while', () => {
  lookFrom(0, 9000, () => ({ pressure: CRITICAL }));
  expect(events).toEqual([]);
  lookFrom(10_000, 30_000, () => ({ pressure: CRITICAL }));
  expect(told()).toEqual(['critical-pressure raised process']);
  expect(events[0]?.message).toContain('97 % of the tightest bound is in use (stage 10.0 MiB)');
  expect(board.active()).toMatchObject([{ kind: 'critical-pressure', severity: 'critical' }]);
  lookFrom(31_000, 34_000, () => ({}));
  expect(events).toHaveLength(1);
  lookFrom(35_000, 36_000, () => ({}));
  expect(told()).toEqual(['critical-pressure raised process', 'critical-pressure cleared process']);
  expect(board.active()).toEqual([]);
});

it('begins to count anew when it was gone before its time', () => {
  lookFrom(0, 60_000, (ms) => (ms % 9000 === 0 ? {} : { pressure: CRITICAL }));
  expect(events).toEqual([]);
});

it('is raised once by a value that swings round its threshold', () => {
  lookFrom(0, 12_000, () => ({ pressure: CRITICAL }));
  lookFrom(13_000, 60_000, (ms) => (ms % 3000 === 0 ? {} : { pressure: CRITICAL }));
  expect(told()).toEqual(['critical-pressure raised process']);
});

describe('each rule has its cause', () => {
  it('slow-sink: a sink that is always busy while batches wait for it', () => {
    lookFrom(0, 40_000, (ms) => ({
      sinks: [sinkOf('store', ms), sinkOf('other', ms)],
      edges: [edgeOf('stage', 'store', 8), edgeOf('stage', 'other', 1)],
    }));
    expect(told()).toEqual(['slow-sink raised store']);
    expect(events[0]?.message).toContain('busy 100 % of the time, and 8 batches wait for it');
  });

  it('spill-rate', () => {
    lookFrom(0, 40_000, (ms) => ({ memory: memoryOf({ spilledBytes: ms * 150_000 }) }));
    expect(told()).toEqual(['spill-rate raised process']);
  });

  it('spill-disk', () => {
    const disk = { folder: '/spill', freeBytes: 500 * MEBIBYTE, totalBytes: 1e12 };
    lookFrom(0, 2000, () => ({ memory: memoryOf({ disk }) }));
    expect(told()).toEqual(['spill-disk raised process']);
    expect(events[0]?.message).toContain('/spill has 500.0 MiB left');
  });

  it('unmanaged-growth', () => {
    lookFrom(0, 40_000, () => ({ memory: memoryOf({ unmanagedBytes: 40 * MEBIBYTE }) }));
    expect(told()).toEqual(['unmanaged-growth raised process']);
  });

  it('promise-broken', () => {
    lookFrom(0, 3000, () => ({ memory: memoryOf({ rssBytes: 230 * MEBIBYTE }) }));
    expect(told()).toEqual(['promise-broken raised process']);
    expect(events[0]?.message).toContain('230.0 MiB are resident, 20.0 MiB more than idle');
  });

  it('late-rows: while they come, and a minute longer', () => {
    lookFrom(0, 10_000, (ms) => ({ stages: [stageOf('reorder', { lateRows: ms / 1000 })] }));
    lookFrom(11_000, 75_000, () => ({ stages: [stageOf('reorder', { lateRows: 10 })] }));
    expect(told()).toEqual(['late-rows raised reorder', 'late-rows cleared reorder']);
  });

  it('worker-restarts', () => {
    const restart = { atMs: 0, stage: 'parse', reason: 'its heap is full', kind: 'crash' as const };
    const recent = { cascades: [], pressure: [], restarts: [restart], limits: [] };
    lookFrom(0, 5000, (ms) => ({ restarts: ms >= 3000 ? 1 : 0, recent }));
    expect(told()).toEqual(['worker-restarts raised parse']);
    expect(events[0]?.message).toContain('its heap is full');
  });

  it('worker-restarts, before the first look', () => {
    const restart = { atMs: 0, stage: 'parse', reason: 'it threw', kind: 'crash' } as const;
    lookFrom(0, 1000, () => ({ restarts: 1, recent: { cascades: [], pressure: [], restarts: [restart], limits: [] } }));
    expect(told()).toEqual(['worker-restarts raised parse']);
  });
});

describe('options', () => {
  const ruleOf = (options: Parameters<typeof parseAlertOptions>[0], kind: string) =>
    parseAlertOptions(options).rules.find((rule) => rule.kind === kind);

  it('take thresholds and durations, and leave rules out', () => {
    const rules = { 'spill-disk': { threshold: '5GiB' }, 'slow-sink': { for: '5s' }, 'late-rows': false } as const;
    expect(ruleOf({ rules }, 'spill-disk')?.threshold).toBe(5 * 1024 * MEBIBYTE);
    expect(ruleOf({ rules }, 'slow-sink')).toMatchObject({ forMs: 5000, threshold: 0.9 });
    expect(ruleOf({ rules }, 'late-rows')).toBeUndefined();
  });

  it.each([
    [{ rules: { 'slow-sinks': {} } }, 'alerts.rules.slow-sinks is not a rule'],
    [{ webhok: 'http://127.0.0.1' }, 'alerts.webhok is not an option'],
    [{ webhook: 'ftp://127.0.0.1' }, 'alerts.webhook is "ftp://127.0.0.1"'],
    [{ rules: { 'slow-sink': { threshold: -1 } } }, 'alerts.rules.slow-sink.threshold is -1'],
  ])('refuse %j', (options, message) => {
    expect(() => parseAlertOptions(options as never)).toThrow(message);
  });
});
