import { hasTriggers, TriggerCounter, type Triggers } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

/** A piece: rows, bytes, logical inputs that end with it. */
type Piece = readonly [rows: number, bytes: number, inputs: number];

/** What the counter says after each piece; it is reset where it fires, as operators do. */
function reasons(triggers: Triggers, pieces: readonly Piece[]): string {
  const counter = new TriggerCounter(triggers);
  return pieces
    .map(([rows, bytes, inputs]) => {
      counter.hold(rows, bytes);
      counter.take(inputs, () => 0);
      const due = inputs > 0 ? counter.due() : undefined;
      if (due !== undefined) counter.reset();
      return due ?? '-';
    })
    .join(' ');
}

describe('TriggerCounter', () => {
  test.each<[what: string, triggers: Triggers, pieces: readonly Piece[], expected: string]>([
    [
      'iterMax counts logical inputs',
      { iterMax: 2 },
      [
        [1, 8, 1],
        [1, 8, 1],
        [1, 8, 1],
      ],
      '- iterations -',
    ],
    [
      'pieces of an input are no inputs',
      { iterMax: 2 },
      [
        [1, 8, 0],
        [1, 8, 1],
        [1, 8, 0],
        [1, 8, 0],
        [1, 8, 1],
      ],
      '- - - - iterations',
    ],
    [
      'empty inputs count',
      { iterMax: 2 },
      [
        [0, 0, 1],
        [0, 0, 1],
      ],
      '- iterations',
    ],
    [
      'rows fire when reached',
      { rows: 10 },
      [
        [9, 0, 1],
        [1, 0, 1],
        [10, 0, 1],
        [11, 0, 1],
      ],
      '- rows rows rows',
    ],
    [
      'rows wait for the end of the input',
      { rows: 10 },
      [
        [11, 0, 0],
        [1, 0, 0],
        [0, 0, 1],
      ],
      '- - rows',
    ],
    [
      'memory counts logical bytes',
      { memoryLimitBytes: 100 },
      [
        [1, 99, 1],
        [1, 1, 1],
        [1, 100, 1],
      ],
      '- memory memory',
    ],
    ['auto is for the governor', { memoryLimitBytes: 'auto' }, [[1, 1e12, 1]], '-'],
    [
      'iterations come before rows, rows before memory',
      { iterMax: 1, rows: 1, memoryLimitBytes: 1 },
      [[1, 1, 1]],
      'iterations',
    ],
    ['rows come before memory', { rows: 1, memoryLimitBytes: 1 }, [[1, 1, 1]], 'rows'],
    [
      'a reset starts all counts again',
      { iterMax: 3, rows: 5 },
      [
        [4, 0, 1],
        [1, 0, 1],
        [1, 0, 1],
        [1, 0, 1],
        [1, 0, 1],
      ],
      '- rows - - iterations',
    ],
    ['nothing fires without triggers', {}, [[1e9, 1e12, 1]], '-'],
  ])('%s', (_what, triggers, pieces, expected) => {
    expect(reasons(triggers, pieces)).toBe(expected);
  });

  test('the interval runs from the first batch after a flush', () => {
    let now = 100;
    const counter = new TriggerCounter({ intervalMs: 50 });
    expect(counter.dueAt()).toBeUndefined();
    counter.take(0, () => now);
    now = 130;
    counter.take(1, () => now);
    expect(counter.dueAt()).toBe(150);
    counter.reset();
    expect(counter.dueAt()).toBeUndefined();
    counter.take(1, () => now);
    expect(counter.dueAt()).toBe(180);
  });

  test('reset gives what was held', () => {
    const counter = new TriggerCounter({ iterMax: 5 });
    counter.hold(3, 24);
    counter.take(1, () => 0);
    expect(counter.reset()).toEqual({ inputs: 1, rows: 3, bytes: 24 });
    expect(counter.held()).toEqual({ inputs: 0, rows: 0, bytes: 0 });
    expect(counter.isEmpty).toBe(true);
  });
});

test('hasTriggers sees each of them', () => {
  expect(hasTriggers({})).toBe(false);
  for (const triggers of [{ iterMax: 1 }, { rows: 1 }, { memoryLimitBytes: 1 }, { intervalMs: 1 }])
    expect(hasTriggers(triggers)).toBe(true);
});
