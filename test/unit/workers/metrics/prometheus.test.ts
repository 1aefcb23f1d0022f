import { prometheusText } from '@spillway/workers/internal';
import { expect, it } from 'vitest';
import { edgeOf, MEBIBYTE, memoryOf, sinkOf, snapshotAt, stageOf } from '../../../support/snapshots.ts';

const full = snapshotAt(2500, {
  stages: [stageOf('parse "csv"', { rowsIn: 10, rowsOut: 8, lateRows: 2 })],
  sinks: [{ ...sinkOf('store'), rows: 8 }],
  edges: [edgeOf('parse "csv"', 'store', 3)],
  memory: memoryOf({ disk: { folder: '/spill', freeBytes: 5, totalBytes: 10 } }),
  alerts: [{ kind: 'slow-sink', severity: 'warning', stage: 'store', message: '', sinceMs: 0 }],
});

it('names values as the conventions say: base units, counters in total', async () => {
  const { text, type } = await prometheusText(full, { job_id: 'nightly' });
  expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = text.split('\n');
  expect(lines).toContain('spillway_run_seconds{job_id="nightly"} 2.5');
  expect(lines).toContain(`spillway_memory_bytes{kind="limit",job_id="nightly"} ${100 * MEBIBYTE}`);
  expect(lines).toContain('spillway_flushes_total{reason="pressure",job_id="nightly"} 0');
  expect(lines).toContain('spillway_stage_rows_total{stage="parse \\"csv\\"",direction="in",job_id="nightly"} 10');
  expect(lines).toContain('spillway_late_rows_total{stage="parse \\"csv\\"",job_id="nightly"} 2');
  expect(lines).toContain('spillway_rows_total{kind="sink",name="store",job_id="nightly"} 8');
  expect(lines).toContain('spillway_queue_packets{from="parse \\"csv\\"",to="store",job_id="nightly"} 3');
  expect(lines).toContain('spillway_alerts_active{kind="slow-sink",severity="warning",job_id="nightly"} 1');
  expect(lines).toContain('spillway_spill_disk_free_bytes{job_id="nightly"} 5');
});

it('gives every metric a help and a type, and counters end in _total', async () => {
  const { text } = await prometheusText(full);
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({ name, type }));
  expect(types.length).toBeGreaterThan(15);
  for (const { name, type } of types) {
    expect(name).toMatch(/^spillway_[a-z_]+$/);
    expect(name?.endsWith('_total')).toBe(type === 'counter');
    expect(text).toMatch(new RegExp(`^# HELP ${name} [A-Z].*\\.$`, 'm'));
  }
});

it('has as many series later as at first', async () => {
  const seriesOf = async (ms: number, rows: number): Promise<number> => {
    const { text } = await prometheusText(snapshotAt(ms, { stages: [stageOf('a', { rowsIn: rows })] }));
    return text.split('\n').filter((line) => line.startsWith('spillway_')).length;
  };
  expect(await seriesOf(1_000_000, 1e9)).toBe(await seriesOf(0, 0));
});
