import { ProgressLine, progressText } from '@spillway/bench/demo/progress-line';
import type { Progress } from '@spillway/workers';
import { expect, it } from 'vitest';

const MEBIBYTE = 2 ** 20;

function progressAt(rows: number, elapsedMs: number): Progress {
  const source = {
    name: 'flights',
    rows,
    bytes: 2_500_000,
    totalRows: 3_000_000,
    rowsPerSecond: 2_000_000,
    bytesPerSecond: 5_000_000,
    etaMs: 750,
  };
  const memory = {
    limitBytes: 256 * MEBIBYTE,
    arenaBytes: 0,
    rssBytes: 150 * MEBIBYTE,
    idleRssBytes: 100 * MEBIBYTE,
    peakRssBytes: 0,
  };
  return { elapsedMs, sources: [source], sinks: [], memory, pressure: 'normal' };
}

const buffer = {
  name: 'agg',
  stage: 'agg',
  triggers: {},
  fill: 0.4,
  inputs: 1,
  rows: 10,
  bytes: 5,
  text: 'agg [████░░░░░░] 41.2/100 MiB',
};

it('tells rows, speed, time left, memory against the limit, and buffers that hold something', () => {
  const text = progressText({
    progress: progressAt(1_500_000, 750),
    buffers: [buffer, { ...buffer, rows: 0, text: 'empty' }],
  });
  expect(text).toBe(
    'flights 50 % 1.50 Mrows, 2.00 Mrows/s, 5.0 MB/s, 0.8 s left | memory 50.0 MiB of 256.0 MiB | agg [████░░░░░░] 41.2/100 MiB',
  );
});

it('is drawn in place on a terminal, and never wider', () => {
  let written = '';
  const line = new ProgressLine({ isTTY: true, columns: 40, write: (text) => (written += text) });
  line.show({ progress: progressAt(1, 1), buffers: [] });
  line.clear();
  expect(written.split('\r\x1b[2K').map((text) => text.length)).toEqual([0, 39, 0]);
});

it('is printed plainly elsewhere, at most once a second', () => {
  const lines: string[] = [];
  const line = new ProgressLine({ write: (text) => lines.push(text) });
  for (const elapsedMs of [100, 600, 1200]) line.show({ progress: progressAt(1, elapsedMs), buffers: [] });
  expect(lines).toHaveLength(2);
  expect(lines.every((text) => text.endsWith('\n') && !text.includes('\x1b'))).toBe(true);
});
