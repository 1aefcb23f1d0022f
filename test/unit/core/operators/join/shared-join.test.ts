import { join } from 'node:path';
import type { Fields } from '@spillway/core';
import {
  type Arena,
  type Batch,
  batchToRows,
  buildChain,
  createArena,
  instantiateKernels,
  LaneSpill,
  rowsToBatch,
  runReference,
  type SideRows,
  type StageChain,
  type StageOperator,
  type StageSpec,
} from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { chainServices, comparable, filesLeft, stagesOf } from '#support/driven-stage';
import { chooseSeed, randomFrom, type SeededRandom } from '#support/random';
import { cut, type RandomJoin, randomJoin, sinksOf } from '#support/random-join';
import type { Row } from '#support/random-rows';
import { temporaryFolder } from '#support/temporary-folder';

const LANES = 3;

/** All right rows, in pieces of this lane's own, now and then later. */
class RandomSide implements SideRows {
  readonly #random: SeededRandom;
  readonly #take: (rows: Row[]) => Batch;
  readonly #pieces: Row[][];

  constructor(random: SeededRandom, rows: Row[], take: (rows: Row[]) => Batch) {
    this.#random = random;
    this.#take = take;
    this.#pieces = cut(random, rows);
  }

  poll(): Batch[] | 'end' | undefined {
    if (this.#random.chance(0.3)) return undefined;
    const pieces = this.#pieces.splice(0, this.#random.integer(1, 2));
    return pieces.length === 0 ? 'end' : pieces.map(this.#take);
  }

  async arrival(): Promise<void> {}
}

/** The stage of a join as lanes share it. */
async function sharedStage(given: RandomJoin): Promise<StageSpec> {
  const stages = await stagesOf(sinksOf(given)[0]);
  const stage = stages.find(({ input }) => input.kind === 'edges') as StageSpec;
  const operators = stage.operators.map(
    (operator): StageOperator => ({ ...operator, inputs: [{ from: 'stage-input' }] }),
  );
  return { ...stage, operators, lanes: LANES, side: { operator: 0, edges: [] } };
}

/** Gives what each left input became, whichever lane it went to. */
async function drive(given: RandomJoin, random: SeededRandom) {
  const arena: Arena = createArena({ maximumBytes: 64 * 2 ** 20, debug: true });
  const stage = await sharedStage(given);
  const [leftFields, rightFields] = (stage.operators[0] as StageOperator).inputFields as [Fields, Fields];
  const folder = join(temporaryFolder(), 'run');
  const kernels = instantiateKernels(arena);
  const rightRows = given.right.flat();
  let taken: unknown[][] = [];
  const push = (batch: Batch): Promise<void> | undefined => {
    taken.push(...batchToRows(batch).map((row) => Object.values(row)));
    batch.release();
    return random.chance(0.3) ? Promise.resolve() : undefined;
  };
  const spills = Array.from({ length: LANES }, (_, lane) => new LaneSpill({ folder, lane: `${lane}` }));
  const lanes: StageChain[] = [];
  for (const [lane, spill] of spills.entries()) {
    const side = new RandomSide(random, rightRows, (rows) => rowsToBatch(arena, 1, rightFields, rows, 1));
    lanes.push(await buildChain(stage, chainServices(arena, [{ push }], { kernels, lane, spill, side })));
  }
  const inputs: unknown[][][] = [];
  for (const rows of given.left) {
    const lane = random.pick(lanes);
    taken = [];
    await lane.push(rowsToBatch(arena, 1, leftFields, rows, 1));
    inputs.push(taken);
    if (random.chance(0.3)) await lane.operators[0]?.takeWhile?.(new Promise((resolve) => setTimeout(resolve, 1)));
    if (random.chance(0.3)) await lane.operators[0]?.flush('pressure');
  }
  for (const lane of lanes) await lane.close();
  return {
    inputs,
    left: arena.usedSlabs() + filesLeft(folder).length,
    spilledBytes: spills.reduce((sum, spill) => sum + spill.spilledBytes, 0),
  };
}

const SEEDS = Number(process.env['SPILLWAY_JOINS'] ?? 6);

describe('a join that lanes share', () => {
  let bytesOnDisk = 0;

  it.each(['asof', 'semi', 'anti'] as const)(
    'makes of each left input what the reference makes of it, in whatever lane: %s',
    async (kind) => {
      const first = chooseSeed();
      for (let seed = first; seed < first + SEEDS; seed++) {
        const random = randomFrom(seed);
        const given = randomJoin(random, kind);
        const { outputs } = await runReference([sinksOf(given)[0]]);
        const { inputs, left, spilledBytes } = await drive(given, random);
        bytesOnDisk += spilledBytes;
        expect(comparable(inputs), `SPILLWAY_SEED=${seed} SPILLWAY_JOINS=1`).toEqual(comparable(outputs[0]?.batches));
        expect(left, `slabs or files left, SPILLWAY_SEED=${seed}`).toBe(0);
      }
    },
  );

  it.skipIf(SEEDS < 5)('spills often enough to be a test of it', () => {
    expect(bytesOnDisk).toBeGreaterThan(0);
  });
});
