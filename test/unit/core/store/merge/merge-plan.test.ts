import type { OrderedValue } from '@spillway/core';
import { periodsOf, planMerge } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { oupsCase } from '../../../../support/oups-cases.ts';

/** Positions in ascending values, as the plan asks for them. */
function rowsOf<T extends OrderedValue>(values: readonly T[]) {
  return {
    rows: values.length,
    lower: (bound: OrderedValue) => values.filter((value) => value < bound).length,
    upper: (bound: OrderedValue) => values.filter((value) => value <= bound).length,
    valueAt: (row: number) => values[row] as T,
  };
}

interface StrategyCase {
  input: { test_id: string; rg_mins: number[]; rg_maxs: number[]; rgs_n_rows: number[]; df_ordered_on: number[] }[];
  params: { row_group_target_size: number; drop_duplicates: boolean; max_n_off_target_rgs: number | null }[];
  expected: { merge_sequences: { rg_idx_start: number; rg_and_df_ends_excl: [number, number][] }[] }[];
}

const strategy = oupsCase('strategy-01-n-rows-merge-sequences') as StrategyCase | undefined;

/**
 * OUPS's sequences also say where it loads in between, and which of these places are no good because two groups share a
 * value: we merge row by row, so only the ends are ours. A sequence's rows begin where those of the one before end.
 */
describe.skipIf(strategy === undefined)('OUPS store/write/strategy-n-rows', () => {
  test.each((strategy?.input ?? []).map((input, i) => [input.test_id, input, i] as const))('%s', (_, input, i) => {
    const params = strategy?.params[i];
    const groups = input.rg_mins.map((min, at) => ({
      min,
      max: input.rg_maxs[at] ?? 0,
      rows: input.rgs_n_rows[at] ?? 0,
    }));
    const regions = planMerge(groups, rowsOf(input.df_ordered_on), {
      target: params?.row_group_target_size ?? 1,
      dropDuplicates: params?.drop_duplicates ?? false,
      maxOffTarget: params?.max_n_off_target_rgs ?? undefined,
    });
    const sequences = strategy?.expected[i]?.merge_sequences ?? [];
    expect(regions.map(({ firstGroup, endGroup, endRow }) => [firstGroup, endGroup, endRow])).toEqual(
      sequences.map(({ rg_idx_start, rg_and_df_ends_excl }) => [rg_idx_start, ...(rg_and_df_ends_excl.at(-1) ?? [])]),
    );
    expect(regions.map((region) => region.firstRow)).toEqual(
      [0, ...regions.map((region) => region.endRow)].slice(0, -1),
    );
  });
});

interface PeriodCase {
  input: {
    floor_ceil: { ts: string }[];
    time_period_split: { ordered_on: string[] }[];
    n_rows_split: { n_rows: number }[];
  };
  params: {
    floor_ceil: { freq: string }[];
    time_period_split: { freq: string }[];
    n_rows_split: { target: number }[];
  };
  expected: { floor_ceil: { floor: string; ceil: string }[]; time_period_split: number[][]; n_rows_split: number[][] };
}

const arithmetic = oupsCase('strategy-03-floor-ceil-and-split-offsets') as PeriodCase | undefined;

/** How pandas's names of periods are written here. */
const PERIODS: Record<string, Parameters<typeof periodsOf>[0]> = {
  MS: '1mo',
  ME: { monthDays: [-1] },
  SMS: { monthDays: [1, 15] },
  SME: { monthDays: [15, -1] },
  h: '1h',
  D: '1d',
};

function microseconds(text: string): bigint {
  return BigInt(Date.parse(`${text}Z`)) * 1000n;
}

describe.skipIf(arithmetic === undefined)('OUPS store/write/period-arithmetic', () => {
  const periods = (freq: string) => periodsOf(PERIODS[freq] ?? freq, 'timestamp[us]');

  test('beginnings and ends of periods', () => {
    arithmetic?.input.floor_ceil.forEach(({ ts }, i) => {
      const found = periods(arithmetic.params.floor_ceil[i]?.freq ?? '');
      const expected = arithmetic.expected.floor_ceil[i];
      expect(found?.startOf(microseconds(ts)), ts).toBe(microseconds(expected?.floor ?? ''));
      expect(found?.endOf(microseconds(ts)), ts).toBe(microseconds(expected?.ceil ?? ''));
    });
  });

  test('where rows are cut', () => {
    arithmetic?.input.time_period_split.forEach(({ ordered_on }, i) => {
      const found = periods(arithmetic.params.time_period_split[i]?.freq ?? '');
      const starts = ordered_on.map((text) => found?.startOf(microseconds(text)));
      const cuts = starts.flatMap((start, row) => (row === 0 || start !== starts[row - 1] ? [row] : []));
      expect(cuts).toEqual(arithmetic.expected.time_period_split[i]);
    });
  });
});

test.each([
  ['0 rows', 0],
  ['a fraction', 1.5],
  ['no unit', '12'],
  ['a day that some months lack', { monthDays: [30] }],
])('the target %s is refused', (_, target) => {
  expect(() => periodsOf(target, 'timestamp[us]')).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
});

test('weeks begin on Mondays, quarters in January, periods before 1970 are periods too', () => {
  const day = (text: string) => Date.parse(text) / 86_400_000;
  expect(periodsOf('1w', 'date32')?.startOf(day('2024-03-17'))).toBe(BigInt(day('2024-03-11')));
  expect(periodsOf('1q', 'date32')?.endOf(day('2024-03-17'))).toBe(BigInt(day('2024-04-01')));
  expect(periodsOf('1mo', 'date32')?.startOf(day('1969-12-31'))).toBe(BigInt(day('1969-12-01')));
  expect(periodsOf('1d', 'timestamp[s]')?.startOf(-1n)).toBe(-86_400n);
  expect(() => periodsOf('1h', 'date32')).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
});
