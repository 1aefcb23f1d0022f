import { agg, col, createPipeline, fromIterable, type Sink } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { injectPressure } from '@spillway/workers/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeBatch, pass, plus, runningTotal, totals } from '#fixtures/ops';
import { chooseSeed, randomFrom } from '#support/random';

const SHAPE = { ts: 'timestamp[us]', key: 'utf8', value: 'int64', x: 'float64' } as const;

interface Triggers {
  iterMax?: number;
  rows?: number;
  memoryLimit?: number;
}

type Step =
  | { kind: 'filter'; above: number }
  | { kind: 'withColumns'; n: number }
  | { kind: 'pass' | 'runningTotal' | 'memoryBuffer'; triggers: Triggers; accumulate: boolean; ownStage: boolean }
  | { kind: 'plus'; n: number; triggers: Triggers; ownStage: boolean };

type End =
  | { kind: 'rows' }
  | { kind: 'batches' }
  | { kind: 'fold'; triggers: Triggers }
  | { kind: 'bins'; every: string; by: boolean; triggers: Triggers };

interface Case {
  /** Rows of each logical input. */
  inputs: number[];
  steps: Step[];
  end: End;
}

const triggers: fc.Arbitrary<Triggers> = fc.record(
  {
    iterMax: fc.integer({ min: 1, max: 5 }),
    rows: fc.integer({ min: 1, max: 60 }),
    memoryLimit: fc.integer({ min: 64, max: 4000 }),
  },
  { requiredKeys: [] },
);
const ownStage = fc.boolean();
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('filter' as const), above: fc.integer({ min: -50, max: 50 }) }),
  fc.record({ kind: fc.constant('withColumns' as const), n: fc.integer({ min: -3, max: 3 }) }),
  fc.record({
    kind: fc.constantFrom('pass', 'runningTotal', 'memoryBuffer'),
    triggers,
    accumulate: fc.boolean(),
    ownStage,
  }),
  fc.record({ kind: fc.constant('plus' as const), n: fc.integer({ min: -9, max: 9 }), triggers, ownStage }),
);
const end: fc.Arbitrary<End> = fc.oneof(
  fc.record({ kind: fc.constant('rows' as const) }),
  fc.record({ kind: fc.constant('batches' as const) }),
  fc.record({ kind: fc.constant('fold' as const), triggers }),
  fc.record({
    kind: fc.constant('bins' as const),
    every: fc.constantFrom('1ms', '7ms', '1s'),
    by: fc.boolean(),
    triggers,
  }),
);
const anyCase: fc.Arbitrary<Case> = fc.record({
  inputs: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 25 }),
  steps: fc.array(step, { maxLength: 5 }),
  end,
});

function* inputsOf({ inputs }: Case): Generator<Record<string, unknown>[]> {
  let row = 0;
  for (const count of inputs) {
    yield Array.from({ length: count }, () => {
      row += 1;
      const isNull = row % 11 === 0;
      return {
        ts: BigInt(row * 250),
        key: `k${(row * 7) % 5}`,
        value: BigInt(((row * 37) % 101) - 50),
        x: isNull ? null : row / 7,
      };
    });
  }
}

function sourceOf(given: Case) {
  return createPipeline({ memoryLimit: '256MiB' })
    .register({ pass, plus, runningTotal })
    .source(fromIterable(SHAPE, inputsOf(given), { orderedOn: 'ts' }));
}

/** Every step gets and gives the same columns, so that any may follow any. */
type Source = ReturnType<typeof sourceOf>;

function append(stream: Source, next: Step): Source {
  switch (next.kind) {
    case 'filter':
      return stream.filter(col('value').gt(BigInt(next.above)));
    case 'withColumns':
      return stream.withColumns({ value: col('value').add(BigInt(next.n)) }) as Source;
    case 'plus':
      return stream.plus({ n: next.n, ownStage: next.ownStage, ...next.triggers }) as Source;
    case 'runningTotal':
      return stream
        .runningTotal({ ownStage: next.ownStage, accumulate: next.accumulate, ...next.triggers })
        .select('ts', 'key', 'value', 'x', 'total')
        .withColumns({ value: col('total') })
        .select('ts', 'key', 'value', 'x') as Source;
    default:
      return stream[next.kind]({ ownStage: next.ownStage, accumulate: next.accumulate, ...next.triggers }) as Source;
  }
}

/** The sink of a case; made afresh for every run, because generators are read once. */
function sinkOf(given: Case): Sink {
  const stream = given.steps.reduce(append, sourceOf(given));
  const { end: last } = given;
  if (last.kind === 'batches') return stream.map(describeBatch).collect();
  if (last.kind === 'fold') return stream.memoryAccumulate(totals, last.triggers).collect();
  if (last.kind === 'rows') return stream.collect();
  const columns = {
    n: agg.count(),
    total: agg.sum('x'),
    mean: agg.mean('value'),
    sd: agg.std('x'),
    first: agg.first('key'),
    last: agg.last('x'),
  };
  const by = last.by ? (['key'] as const) : [];
  return stream
    .aggStream({ orderedOn: 'ts', by, ...last.triggers, aggregations: { bins: { every: last.every, columns } } })
    .bins.collect();
}

async function expected(given: Case): Promise<unknown[][]> {
  const { outputs } = await runReference([sinkOf(given)]);
  return (outputs[0]?.batches ?? []).flat().map((row) => [...row]);
}

async function parallel(given: Case, workers: number): Promise<unknown[][]> {
  const sink = sinkOf(given);
  return (await run([sink], { workers, debug: true }).rows(sink)).map((row) => Object.values(row));
}

describe('random chains of ops, triggers and batch sizes', () => {
  it.each([1, 2])(
    'give with %i workers what the reference executor gives',
    async (workers) => {
      const seed = chooseSeed();
      console.info(`SPILLWAY_SEED=${seed}`);
      await fc.assert(
        fc.asyncProperty(anyCase, async (given) => {
          expect(await parallel(given, workers)).toEqual(await expected(given));
        }),
        { seed, numRuns: Number(process.env['SPILLWAY_RUNS'] ?? 30) },
      );
    },
    180_000,
  );

  it('give the same under pressure that comes and goes at any time', async () => {
    const seed = chooseSeed();
    console.info(`SPILLWAY_SEED=${seed}`);
    const random = randomFrom(seed);
    injectPressure(() => random.next() * 1.2);
    try {
      await fc.assert(
        fc.asyncProperty(anyCase, async (given) => {
          expect(await parallel(given, 2)).toEqual(await expected(given));
        }),
        { seed, numRuns: Number(process.env['SPILLWAY_RUNS'] ?? 30) },
      );
    } finally {
      injectPressure();
    }
  }, 180_000);
});
