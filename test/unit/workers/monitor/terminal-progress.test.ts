import type { Progress } from '@spillway/workers';
import { terminalProgress } from '@spillway/workers/progress';
import { expect, it } from 'vitest';

const MEBIBYTE = 2 ** 20;

function progressAt(elapsedMs: number, rows: number, sinks = 1): Progress {
  const rates = { rowsPerSecond: 2_100_000, bytesPerSecond: 61_200_000 };
  return {
    elapsedMs,
    sources: [{ name: 'flights', rows, bytes: 9e6, totalRows: 3_000_000, ...rates, etaMs: 185_000 }],
    sinks: Array.from({ length: sinks }, (_, i) => ({
      name: `freq=1h ${i}`,
      rows: 2713,
      bytes: 0,
      ...rates,
      bytesPerSecond: 0,
    })),
    memory: {
      limitBytes: 256 * MEBIBYTE,
      arenaBytes: 0,
      rssBytes: 228 * MEBIBYTE,
      idleRssBytes: 100 * MEBIBYTE,
      peakRssBytes: 0,
    },
    pressure: 'elevated',
  };
}

/** What is written to a terminal of so many columns, or elsewhere. */
function target(columns?: number): { text: string; isTTY?: boolean; columns?: number; write(text: string): void } {
  const output = { text: '', write: (text: string) => void (output.text += text) };
  return Object.assign(output, columns === undefined ? {} : { isTTY: true, columns });
}

/** The lines on a screen after what was written: enough of a terminal for moving up and erasing. */
function screen(text: string): string[] {
  const lines: string[] = [''];
  let at = 0;
  for (const [part, up] of text.replaceAll('\x1b', '␛').matchAll(/␛\[(\d+)A|␛\[[JK]|\n|[^␛\n]+/g)) {
    if (up !== undefined) at -= Number(up);
    else if (part === '␛[J') lines.length = at + 1;
    else if (part === '\n') {
      at += 1;
      lines[at] ??= '';
    } else if (part !== '␛[K') lines[at] = part;
  }
  return lines;
}

it('draws a bar for each source, a line for each sink, and memory against its limit', () => {
  const output = target(120);
  terminalProgress(output)(progressAt(12_000, 1_500_000));
  expect(screen(output.text)).toEqual([
    'flights   ██████████░░░░░░░░░░  50%  1.50 M rows  2.10 M rows/s  61.2 MB/s  3:05 left',
    'freq=1h 0   →                        2.71 k rows  2.10 M rows/s',
    'memory    ██████████░░░░░░░░░░       128.0 MiB of 256.0 MiB  pressure elevated  12 s',
    '',
  ]);
});

it('draws over what it drew before, also when there are fewer lines', () => {
  const output = target(120);
  const show = terminalProgress(output);
  show(progressAt(1000, 0, 3));
  show(progressAt(2000, 3_000_000, 1));
  const lines = screen(output.text);
  expect(lines).toHaveLength(4);
  expect(lines[0]).toContain('████████████████████ 100%');
});

it('is never wider than the terminal', () => {
  const output = target(40);
  terminalProgress(output)(progressAt(1000, 5));
  expect(Math.max(...screen(output.text).map((line) => line.length))).toBe(39);
});

it('names the first of many sinks, and counts the rest', () => {
  const output = target(120);
  terminalProgress(output)(progressAt(1000, 5, 20));
  expect(screen(output.text).filter((line) => line.startsWith('freq'))).toHaveLength(8);
  expect(output.text).toContain('and 12 more');
});

it('writes a plain line every five seconds where there is no terminal', () => {
  const output = target();
  const show = terminalProgress(output);
  for (const seconds of [1, 4.9, 5, 9, 10.1]) show(progressAt(seconds * 1000, 1_500_000));
  expect(output.text.split('\n')).toEqual([
    '5.0 s; flights 50%, 1.50 M rows, 2.10 M rows/s, 61.2 MB/s, 3:05 left; freq=1h 0, 2.71 k rows, 2.10 M rows/s; memory 128.0 MiB of 256.0 MiB; pressure elevated',
    expect.stringMatching(/^10 s; /),
    '',
  ]);
});
