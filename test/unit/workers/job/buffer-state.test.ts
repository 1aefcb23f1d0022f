import { describeBuffer } from '@spillway/workers/internal';
import { describe, expect, it } from 'vitest';

const MIB = 2 ** 20;

describe('the drawing of a buffer', () => {
  it('gives each input of a small count a cell of its own', () => {
    expect(describeBuffer('op1', 's', { inputs: 2, rows: 20, bytes: 0 }, { iterMax: 3 }).text).toBe('op1 [██░] 2/3');
  });

  it('shows bytes in MiB with one decimal', () => {
    const held = { inputs: 9, rows: 1, bytes: Math.round(41.2 * MIB) };
    expect(describeBuffer('agg', 's', held, { memoryLimitBytes: 100 * MIB }).text).toBe(
      'agg [████░░░░░░] 41.2/100 MiB',
    );
  });

  it('shows the trigger nearest to firing', () => {
    const state = describeBuffer('b', 's', { inputs: 1, rows: 90, bytes: 0 }, { iterMax: 10, rows: 100 });
    expect(state).toMatchObject({ text: 'b [█████████░] 90/100 rows', fill: 0.9 });
  });

  it('is never more than full', () => {
    const state = describeBuffer('b', 's', { inputs: 5, rows: 0, bytes: 0 }, { iterMax: 3 });
    expect(state).toMatchObject({ text: 'b [███] 5/3', fill: 1 });
  });

  it('tells what is held when no trigger counts it', () => {
    expect(describeBuffer('b', 's', { inputs: 1, rows: 12, bytes: MIB / 2 }, {})).toMatchObject({
      text: 'b 12 rows, 0.5 MiB',
      fill: 0,
    });
  });
});
