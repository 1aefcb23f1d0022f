import { col, createPipeline, defineFold, defineOp, fromIterable, type Sink, type Stream } from '@spillway/core';
import {
  type Arena,
  type Batch,
  batchToRows,
  buildChain,
  type ChainServices,
  createArena,
  fieldsFromShape,
  LaneSpill,
  recoveryOf,
  restoreOperators,
  rowsToBatch,
  runReference,
  SnapshotFiles,
  SnapshotSource,
  type StageChain,
  saveOperators,
  sliceBatch,
} from '@spillway/core/internal';
import { expect, test } from 'vitest';
import { chainServices, stagesOf } from '#support/driven-stage';
import { temporaryFolder } from '#support/temporary-folder';
import { type SeededRandom, seededRandom } from '../../../support/random.ts';

const SCHEMA = { value: 'int64', text: 'utf8' } as const;
const FIELDS = fieldsFromShape(SCHEMA);
type Given = { value: number | null; text: string };

const pass = defineOp(import.meta.url, {
  name: 'pass',
  output: 'same',
  stateless: true,
  create: () => ({ process: (batch) => batch }),
});

/** Doubles rows with an even value, drops the rest; null is odd. */
const evens = defineOp(import.meta.url, {
  name: 'evens',
  input: SCHEMA,
  output: 'same',
  stateless: true,
  create: () => ({
    process: async (batch) => {
      await Promise.resolve();
      const rows = batch.toArray().filter((row) => row.value !== null && row.value % 2n === 0n);
      const twice = rows.flatMap((row) => [row, row]);
      return { value: twice.map((row) => row.value), text: twice.map((row) => row.text) };
    },
  }),
});

/** Holds back the last row that it saw, and gives it at a flush. */
const lag = defineOp(import.meta.url, {
  name: 'lag',
  input: SCHEMA,
  output: 'same',
  create: () => {
    let held: { value: bigint | null; text: string | null }[] = [];
    return {
      process: (batch) => {
        const rows = [
          ...held,
          ...batch.toArray().map((row) => ({ value: row.value as bigint | null, text: row.text as string | null })),
        ];
        held = rows.slice(-1);
        const out = rows.slice(0, -1);
        return { value: out.map((row) => row.value), text: out.map((row) => row.text) };
      },
      flush: () => {
        const out = held;
        held = [];
        return out.length === 0 ? null : { value: out.map((row) => row.value), text: out.map((row) => row.text) };
      },
      snapshot: () => held,
      restore: (saved: typeof held) => {
        held = saved;
      },
    };
  },
});

/** Shows how rows are cut. */
const sizes = defineOp(import.meta.url, {
  name: 'sizes',
  output: SCHEMA,
  observes: 'batches',
  stateless: true,
  create: () => ({ process: (batch) => ({ value: [BigInt(batch.numRows)], text: ['size'] }) }),
});

const joined = defineFold(import.meta.url, {
  name: 'joined',
  input: SCHEMA,
  output: SCHEMA,
  init: () => ({ rows: 0n, text: '' }),
  update: (state, batch) => ({
    rows: state.rows + BigInt(batch.numRows),
    text: `${state.text}${[...batch.getChild('text')!].join('')}`.slice(-20),
  }),
  finish: ({ rows, text }) => ({ value: [rows], text: [text] }),
  snapshot: (state) => state,
  restore: (saved: { rows: bigint; text: string }) => saved,
});

function randomTriggers(random: SeededRandom): object {
  return {
    ...(random.chance(0.5) && { iterMax: random.integer(1, 4) }),
    ...(random.chance(0.3) && { rows: random.integer(1, 12) }),
    ...(random.chance(0.3) && { memoryLimit: random.integer(20, 300) }),
  };
}

/** Every step gets and gives the same columns, so that any may follow any. */
type AnyStream = Stream<typeof SCHEMA>;

function addStep(random: SeededRandom, stream: AnyStream): AnyStream {
  const triggers = randomTriggers(random);
  const accumulate = random.chance(0.8);
  switch (random.integer(0, 8)) {
    case 0:
      return stream.filter(col('value').gt(random.integer(-3, 4)));
    case 1:
      return stream.withColumns({ value: col('value').add(1), text: col('text').str.concat('.') });
    case 2:
      return stream.memoryBuffer({ ...triggers, accumulate });
    case 3:
      return stream.memoryAccumulate(joined, { ...triggers, resetOnFlush: random.chance(0.5) });
    case 4:
      return stream.map(evens, { ...triggers, accumulate });
    case 5:
      return stream.map(lag, { ...triggers, accumulate });
    case 6:
      return stream.map(sizes, { ...triggers, accumulate });
    case 7:
      return stream.select({ value: col('value').neg(), text: col('text') });
    default:
      return stream.map(pass, { ...triggers, accumulate });
  }
}

function randomInputs(random: SeededRandom): Given[][] {
  return Array.from({ length: random.integer(0, 12) }, () =>
    Array.from({ length: random.chance(0.15) ? 0 : random.integer(1, 9) }, () => ({
      value: random.chance(0.1) ? null : random.integer(-5, 9),
      text: random.pick(['a', 'b', 'c', 'é']),
    })),
  );
}

/** A chain that goes on where another one was, which is closed: what happens at a crash just after a barrier. */
async function replace(
  arena: Arena,
  spill: LaneSpill,
  chain: StageChain,
  build: () => Promise<StageChain>,
): Promise<StageChain> {
  expect(chain.operators.map(recoveryOf)).not.toContain('never');
  const files = new SnapshotFiles(arena, spill, 'test');
  const saved = structuredClone(await saveOperators(chain.operators, files));
  const source = new SnapshotSource(arena, spill, 'test', files.finish());
  await chain.close();
  const next = await build();
  await restoreOperators(next.operators, saved, source);
  source.close();
  return next;
}

/** What the engine's chain gives for the same inputs, each cut into pieces at random, with pressure and restarts at random. */
async function runChain(
  random: SeededRandom,
  sink: Sink,
  inputs: readonly Given[][],
): Promise<{ batches: unknown[][]; flushes: string[]; leaked: number }> {
  const stages = await stagesOf(sink);
  const [stage] = stages;
  const arena = createArena({ maximumBytes: 64 * 2 ** 20, debug: true });
  const batches: unknown[][] = [];
  const open: unknown[] = [];
  const collect = (batch: Batch): void => {
    open.push(...batchToRows(batch).map((row) => Object.values(row)));
    if (batch.inputs > 0) batches.push(open.splice(0));
    expect(batch.inputs).toBeLessThan(2);
    batch.release();
  };
  const flushes: string[] = [];
  if (stage === undefined)
    return {
      batches: inputs.map((rows) => rows.map((row) => [row.value === null ? null : BigInt(row.value), row.text])),
      flushes,
      leaked: 0,
    };
  expect(stages).toHaveLength(1);
  const onFlush: ChainServices['onFlush'] = (operator, reason, held) => {
    if (reason !== 'pressure')
      flushes.push(`${stage.operators[operator]?.name} ${reason} ${held.inputs}/${held.rows}/${held.bytes}`);
  };
  const build = (): Promise<StageChain> => buildChain(stage, chainServices(arena, [{ push: collect }], { onFlush }));
  const spill = new LaneSpill({ folder: temporaryFolder(), lane: '0' });
  let chain = await build();
  for (const rows of inputs) {
    const whole = rowsToBatch(arena, 1, FIELDS, rows);
    for (let from = 0, last = false; !last; ) {
      const size = random.chance(0.5) ? rows.length - from : random.integer(0, rows.length - from);
      last = from + size === rows.length;
      await chain.push(sliceBatch(arena, 1, whole, from, size, last ? 1 : 0));
      from += size;
      if (random.chance(0.3)) for (const operator of chain.operators) await operator.flush('pressure');
      if (random.chance(0.2)) chain = await replace(arena, spill, chain, build);
    }
    whole.release();
  }
  await chain.end();
  await chain.close();
  expect(open).toEqual([]);
  return { batches, flushes, leaked: arena.usedSlabs() };
}

test('random chains, cut into random pieces and under pressure and restarted from snapshots, equal the reference executor', async () => {
  const random = seededRandom();
  for (let round = 0; round < 100; round++) {
    const inputs = randomInputs(random);
    let stream: AnyStream = createPipeline().source(fromIterable(SCHEMA, inputs));
    for (let steps = random.integer(0, 4); steps >= 0; steps--) stream = addStep(random, stream);
    const sink: Sink = random.chance(0.5) ? stream.collect() : stream.forEach(() => {});
    const want = await runReference([sink]);
    const got = await runChain(random, sink, inputs);
    const shown = JSON.stringify({ plan: want.plan.nodes.map(({ name, spec }) => ({ name, ...spec })), inputs });
    expect(got.batches, shown).toEqual(want.outputs[0]?.batches);
    expect(got.flushes, shown).toEqual(
      want.flushes.map(({ node, reason, inputs: count, rows, bytes }) => `${node} ${reason} ${count}/${rows}/${bytes}`),
    );
    expect(got.leaked, shown).toBe(0);
  }
});
