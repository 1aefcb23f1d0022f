import { rmSync } from 'node:fs';
import {
  type LaneSpill,
  type Operator,
  restoreOperators,
  SnapshotFiles,
  SnapshotSource,
  saveOperators,
} from '@spillway/core/internal';
import { expect, test } from 'vitest';
import {
  aggregateHarness,
  aggregateSpec,
  aggregation,
  cutBatches,
  fieldsWithNulls,
  type Results,
  type Row,
  testArena,
  withSpill,
} from '../../../support/aggregate-harness.ts';
import { modelAggregate } from '../../../support/aggregate-model.ts';
import { seededRandom } from '../../../support/random.ts';

const arena = testArena();

const FIELDS = fieldsWithNulls({ t: 'int64', key: 'utf8', id: 'int32', value: 'float64', text: 'utf8' });
const COLUMNS = [
  ...(['sum', 'var', 'min', 'first', 'last', 'count'] as const).map((fn) => ({ name: fn, fn, column: 'value' })),
  ...(['min', 'last'] as const).map((fn) => ({ name: `${fn}_text`, fn, column: 'text' })),
];

/** What the operator holds now, taken up by another one, as often as asked. */
async function takeOver(
  operator: Operator,
  spill: LaneSpill,
  into: (restore: (other: Operator) => Promise<void>) => Promise<void>,
): Promise<void> {
  const files = new SnapshotFiles(arena, spill, 'agg');
  const saved = structuredClone(await saveOperators([operator], files));
  const kept = files.finish();
  await into(async (other) => {
    const source = new SnapshotSource(arena, spill, 'agg', kept);
    await restoreOperators([other], saved, source);
    source.close();
  });
  for (const { path } of kept) rmSync(path);
}

test.each([
  { by: [], shareBytes: undefined },
  { by: ['key', 'id'], shareBytes: 2 ** 26 },
  { by: ['key'], shareBytes: 1 },
  { by: ['id', 'key'], shareBytes: 60_000 },
])('another operator goes on from a snapshot, twice: by $by, share $shareBytes', async ({ by, shareBytes }) => {
  const random = seededRandom();
  let t = 0n;
  const rows = Array.from({ length: 600 }, (): Row => {
    if (random.chance(0.3)) t += BigInt(random.integer(0, 9));
    const maybe = <T>(value: T): T | null => (random.chance(0.1) ? null : value);
    return {
      t,
      key: maybe(`k${random.integer(0, 30)}`),
      id: maybe(random.integer(-2, 2)),
      value: maybe(random.pick([1e300, 1e-300, 0.1, -7])),
      text: maybe('x'.repeat(random.integer(0, 40))),
    };
  });
  const spec = aggregateSpec(by, [aggregation('a', 7, COLUMNS), aggregation('b', 35, COLUMNS)], {
    accumulate: random.chance(0.5),
  });
  const at = random.integer(0, rows.length);
  await withSpill(async (spill) => {
    const start = () =>
      aggregateHarness(arena, spec, FIELDS, { spill, ...(shareBytes !== undefined && { shareBytes }) });
    const push = async ({ operator }: ReturnType<typeof start>, some: Row[]): Promise<void> => {
      for (const batch of cutBatches(arena, FIELDS, some, [13, 40])) await operator.push(batch);
    };
    const first = start();
    await push(first, rows.slice(0, at));
    const before = structuredClone(first.results());
    await takeOver(first.operator, spill, async (restore) => {
      await push(first, rows.slice(at));
      first.operator.close();
      for (let attempt = 0; attempt < 2; attempt++) {
        const second = start();
        await restore(second.operator);
        await push(second, rows.slice(at));
        await second.operator.end();
        second.operator.close();
        const after = second.results();
        const all: Results = {};
        for (const name of Object.keys(after)) all[name] = [...(before[name] ?? []), ...(after[name] ?? [])];
        expect(all).toEqual(modelAggregate(spec, FIELDS, rows));
      }
    });
  });
});
