import { join } from 'node:path';
import type { Fields } from '@spillway/core';
import {
  type Arena,
  type Batch,
  batchToRows,
  buildChain,
  createArena,
  createReferenceKernels,
  instantiateKernels,
  type Kernels,
  LaneSpill,
  rowsToBatch,
  runReference,
  type StageChain,
  type StageOperator,
  type StageSpec,
} from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { chainServices, comparable, filesLeft, stagesOf } from '#support/driven-stage';
import { chooseSeed, randomFrom, type SeededRandom } from '#support/random';
import { cut, JOIN_KINDS, type RandomJoin, randomJoin, sinksOf } from '#support/random-join';
import type { Row } from '#support/random-rows';
import { Ahead, type Pushed, restartChain } from '#support/restart-chain';
import { temporaryFolder } from '#support/temporary-folder';

interface Emitted {
  rows: unknown[][];
  inputs: number;
}

/** Every logical input of a side as one or several batches, of which the last ends it. */
function* batchesOf(random: SeededRandom, arena: Arena, fields: Fields, inputs: readonly Row[][]): Generator<Batch> {
  for (const input of inputs) {
    const pieces = random.chance(0.7) ? [input] : cut(random, input);
    const last = pieces.pop() ?? [];
    for (const piece of pieces) yield rowsToBatch(arena, 1, fields, piece, 0);
    yield rowsToBatch(arena, 1, fields, last, 1);
  }
}

/** What a chain gets that dies before it has given anything that counts. */
function takeSome(random: SeededRandom, sides: readonly Ahead<Batch>[], isOpen: readonly boolean[]): Pushed[] {
  if (random.chance(0.5)) return [];
  return sides.flatMap((side, port) =>
    isOpen[port] === true ? side.peek(random.integer(0, 3)).map((batch) => ({ batch, port })) : [],
  );
}

/** Drives the stage of the join as a lane may: what it wants, and now and then what it does not want yet. */
async function drive(
  given: RandomJoin,
  random: SeededRandom,
  kernelsOf: (arena: Arena) => Kernels,
  restartShare = 0,
): Promise<{ emitted: Emitted[]; left: number; spilledBytes: number }> {
  const arena = createArena({ maximumBytes: 64 * 2 ** 20, debug: true });
  const stages = await stagesOf(sinksOf(given)[0]);
  const stage = stages.find(({ input }) => input.kind === 'edges') as StageSpec;
  const emitted: Emitted[] = [];
  const folder = join(temporaryFolder(), 'run');
  const spill = random.chance(0.8) ? new LaneSpill({ folder, lane: '0' }) : undefined;
  const kernels = kernelsOf(arena);
  let isListening = true;
  const push = (batch: Batch): Promise<void> | undefined => {
    if (isListening) emitted.push({ rows: batchToRows(batch).map((row) => Object.values(row)), inputs: batch.inputs });
    batch.release();
    return random.chance(0.3) ? Promise.resolve() : undefined;
  };
  const build = (): Promise<StageChain> =>
    buildChain(stage, chainServices(arena, [{ push }], { kernels, ...(spill && { spill }) }));
  let chain = await build();
  const kept = new Set<string>();
  const setListening = (now: boolean): void => void (isListening = now);
  const parts = { arena, spill, folder, kept, build, setListening };
  const [leftFields, rightFields] = (stage.operators[0] as StageOperator).inputFields as [Fields, Fields];
  const sides = [
    new Ahead(batchesOf(random, arena, leftFields, given.left)),
    new Ahead(batchesOf(random, arena, rightFields, given.right)),
  ];
  const isOpen = [true, true];
  const runsAhead = random.chance(0.7);
  while (isOpen.includes(true)) {
    if (random.chance(restartShare)) {
      const ended = [0, 1].filter((port) => isOpen[port] === false);
      chain = await restartChain(chain, parts, ended, takeSome(random, sides, isOpen));
    }
    const wanted = chain.wants();
    if (random.chance(0.3)) await chain.operators[0]?.flush('pressure');
    expect(isOpen[wanted]).toBe(true);
    const other = 1 - wanted;
    const side = runsAhead && isOpen[other] === true && random.chance(0.4) ? other : wanted;
    const next = (sides[side] as Iterator<Batch>).next();
    if (next.done !== true) await chain.push(next.value, side);
    else {
      isOpen[side] = false;
      await chain.endInput(side);
    }
  }
  await chain.end();
  await chain.close();
  const left = arena.usedSlabs() + filesLeft(folder, kept).length;
  return { emitted, left, spilledBytes: spill?.spilledBytes ?? 0 };
}

/** Rows of each logical input. */
function logical(emitted: readonly Emitted[]): unknown[][][] {
  const inputs: unknown[][][] = [];
  let open: unknown[][] = [];
  for (const { rows, inputs: ended } of emitted) {
    open.push(...rows);
    for (let input = 0; input < ended; input++) {
      inputs.push(open);
      open = [];
    }
  }
  expect(open).toEqual([]);
  return inputs;
}

const SEEDS = Number(process.env['SPILLWAY_JOINS'] ?? 6);

describe('a join of random streams', () => {
  /** Over all kinds: the seeds of one kind may happen to spill nothing. */
  let bytesOnDisk = 0;

  it.each(JOIN_KINDS)('gives what the reference gives, whatever comes first: %s', async (kind) => {
    const first = chooseSeed();
    for (let seed = first; seed < first + SEEDS; seed++) {
      const random = randomFrom(seed);
      const given = randomJoin(random, kind);
      const { outputs } = await runReference([sinksOf(given)[0]]);
      for (const kernelsOf of [createReferenceKernels, instantiateKernels]) {
        const { emitted, left, spilledBytes } = await drive(given, random, kernelsOf, random.pick([0, 0.05, 0.2]));
        bytesOnDisk += spilledBytes;
        expect(comparable(logical(emitted)), `SPILLWAY_SEED=${seed} SPILLWAY_JOINS=1`).toEqual(
          comparable(outputs[0]?.batches),
        );
        expect(left, `slabs or files left, SPILLWAY_SEED=${seed}`).toBe(0);
      }
    }
  });

  it.skipIf(SEEDS < 5)('spills often enough to be a test of it', () => {
    expect(bytesOnDisk).toBeGreaterThan(0);
  });

  it('gives every pair of one time that is on the left 3 times and on the right 50,000 times', async () => {
    const row = { symbol: 'A', venue: 1, price: 1, ok: true, note: 'x' };
    const left = Array.from({ length: 5 }, (_, n) => ({ ...row, ts: BigInt(n < 1 ? 1 : n > 3 ? 9 : 5), n: BigInt(n) }));
    const right = Array.from({ length: 50_002 }, (_, at) => ({
      at: BigInt(at < 1 ? 1 : at > 50_000 ? 9 : 5),
      sym: 'A',
      place: at,
      bid: at,
      price: at,
      live: null,
      text: null,
      tags: null,
    }));
    const given: RandomJoin = {
      kind: 'inner',
      strict: false,
      interval: undefined,
      isPlain: false,
      unit: 'us',
      by: [{ left: 'symbol', right: 'sym' }],
      tolerance: undefined,
      memoryLimit: 1000,
      left: [left],
      right: cut(randomFrom(1), right),
    };
    const { emitted, left: slabs } = await drive(given, randomFrom(2), instantiateKernels);
    const pairs = emitted.flatMap(({ rows }) => rows.map((values) => [Number(values[6]), values[7]]));
    expect(pairs).toHaveLength(1 + 3 * 50_000 + 1);
    expect(Math.max(...emitted.map(({ rows }) => rows.length))).toBeLessThanOrEqual(65_536);
    expect(
      pairs.every(
        ([n, place], index) =>
          index === 0 || index === 150_001 || ((n as number) - 1) * 50_000 + (place as number) === index,
      ),
    ).toBe(true);
    expect(emitted.reduce((sum, { inputs }) => sum + inputs, 0)).toBe(1);
    expect(slabs).toBe(0);
  });

  it.each(['inner', 'full', 'asof', 'asof nearest'] as const)(
    'has right rows that pass its limit on disk, and all memory back at the end: %s',
    async (kind) => {
      const row = { venue: 1, price: 1, ok: true, note: 'x' };
      const text = 'a text that makes rows large'.repeat(4);
      const keys = 8000;
      const left = Array.from({ length: 2000 }, (_, n) => ({
        ...row,
        symbol: `k${(n * 7919) % keys}`,
        ts: BigInt(kind === 'asof' || n > 1000 ? 9 : 5),
        n: BigInt(n),
      }));
      const right = Array.from({ length: keys }, (_, at) => ({
        at: BigInt(kind.startsWith('asof') ? at % 2 : 5),
        sym: `k${at}`,
        place: 1,
        bid: at,
        price: at,
        live: null,
        text,
        tags: null,
      })).sort((a, b) => Number(a.at - b.at));
      const given: RandomJoin = {
        kind,
        strict: false,
        interval: undefined,
        isPlain: false,
        unit: 'us',
        by: kind === 'full' ? [] : [{ left: 'symbol', right: 'sym' }],
        tolerance: undefined,
        memoryLimit: 400_000,
        left: cut(randomFrom(3), kind === 'full' ? left.slice(999, 1003) : left),
        right: cut(randomFrom(1), right),
      };
      const random = { ...randomFrom(2), chance: () => true };
      const { outputs } = await runReference([sinksOf(given)[0]]);
      const { emitted, left: slabs, spilledBytes } = await drive(given, random, instantiateKernels);
      expect(spilledBytes).toBeGreaterThan(400_000);
      expect(comparable(logical(emitted))).toEqual(comparable(outputs[0]?.batches));
      expect(slabs).toBe(0);
    },
    30_000,
  );
});
