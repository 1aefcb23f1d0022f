import { describe, expect, it } from 'vitest';
import { expectEqualTables, sql, truth } from '#support/duckdb';
import { sharedCases } from '#support/shared-cases';

const shared = sharedCases();

describe('comparing tables', () => {
  it('takes integers of any width as equal by value', async () => {
    expectEqualTables(await sql('SELECT 1::INTEGER AS n'), await sql('SELECT 1::BIGINT AS n'));
  });

  it('takes floats within the tolerance and no further', async () => {
    const one = await sql('SELECT 1.0::DOUBLE AS x');
    expectEqualTables(await sql('SELECT (1.0 + 1e-12)::DOUBLE AS x'), one);
    await expect(async () => expectEqualTables(await sql('SELECT (1.0 + 1e-10)::DOUBLE AS x'), one)).rejects.toThrow(
      'row 0',
    );
  });

  it('tells a null from a zero', async () => {
    const zero = await sql('SELECT 0.0::DOUBLE AS x');
    await expect(async () => expectEqualTables(await sql('SELECT NULL::DOUBLE AS x'), zero)).rejects.toThrow(
      'column "x"',
    );
  });

  it('tells an integer that differs beyond 2^53', async () => {
    const big = await sql('SELECT 9007199254740993::BIGINT AS n');
    expect(big.columns[0]).toEqual([9007199254740993n]);
    await expect(async () => expectEqualTables(await sql('SELECT 9007199254740992 AS n'), big)).rejects.toThrow(
      'row 0',
    );
  });
});

describe.skipIf(shared === undefined)('acceptance data', () => {
  it('is read with its times and integers', async () => {
    const table = await truth(shared?.path('cases', 'truth', 'f02_daily_global.csv') as string);
    expect(table.names.slice(0, 3)).toEqual(['bucket', 'n', 'sum_delay']);
    expect(table.columns.slice(0, 3).map((column) => column[0])).toEqual([978307200000000n, 14828n, 239194n]);
  });
});
