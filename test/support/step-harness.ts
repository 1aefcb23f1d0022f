/** Drives the one stage of a plan by hand, with random cuts and pressure, for comparison with the reference executor. */
import { join } from 'node:path';
import type { Sink } from '@spillway/core';
import {
  type Arena,
  type Batch,
  batchToRows,
  buildChain,
  createArena,
  createReferenceKernels,
  instantiateKernels,
  LaneSpill,
  rowsToBatch,
  runReference,
  type StageChain,
  type StageSpec,
  sliceBatch,
} from '@spillway/core/internal';
import { expect } from 'vitest';
import { chainServices, comparable, filesLeft, stagesOf } from '#support/driven-stage';
import type { SeededRandom } from '#support/random';
import type { Row } from '#support/random-rows';
import { Ahead, type Pushed, restartChain } from '#support/restart-chain';
import { temporaryFolder } from '#support/temporary-folder';

/** What came out of a stage. */
export interface Driven {
  /** Rows of each logical input. */
  batches: unknown[][][];
  spilledBytes: number;
}

/** Cuts rows into inputs of random sizes, empty ones among them. */
export function cutAtRandom(random: SeededRandom, rows: readonly Row[]): Row[][] {
  const inputs: Row[][] = [];
  for (let from = 0; from < rows.length; ) {
    const size = random.pick([0, 1, 1, 2, 5, 9, 40]);
    inputs.push(rows.slice(from, from + size));
    from += size;
  }
  return inputs;
}

/** Each input as slices of one batch, of which the last ends it. */
function* slicesOf(
  random: SeededRandom,
  arena: Arena,
  fields: Parameters<typeof rowsToBatch>[2],
  inputs: readonly Row[][],
): Generator<Batch> {
  for (const rows of inputs) {
    const whole = rowsToBatch(arena, 1, fields, rows);
    for (let from = 0, isLast = false; !isLast; ) {
      const size = random.chance(0.5) ? rows.length - from : random.integer(0, rows.length - from);
      isLast = from + size === rows.length;
      yield sliceBatch(arena, 1, whole, from, size, isLast ? 1 : 0);
      from += size;
    }
    whole.release();
  }
}

/** Goes on in another thread: with the ports that have ended, and what a first one got that died too. */
type Restart = (chain: StageChain, ended: readonly number[], lost: readonly Pushed[]) => Promise<StageChain>;

async function feed(
  random: SeededRandom,
  first: StageChain,
  restart: Restart,
  stage: StageSpec,
  arena: Arena,
  sources: readonly Row[][][],
): Promise<void> {
  let chain = first;
  const operator = stage.operators[0] as StageSpec['operators'][number];
  const sides = sources.map(
    (inputs, port) =>
      new Ahead(slicesOf(random, arena, operator.inputFields[port] as (typeof operator.inputFields)[number], inputs)),
  );
  const isMerging = stage.input.kind === 'edges';
  const isOpen = sides.map(() => true);
  const runsAhead = random.chance(0.5);
  const restartShare = random.pick([0, 0.05, 0.2]);
  while (isOpen.includes(true)) {
    if (random.chance(0.2)) for (const each of chain.operators) await each.flush('pressure');
    if (random.chance(restartShare)) {
      const ports = isMerging ? [...isOpen.keys()] : [undefined];
      const lost = !random.chance(0.5)
        ? []
        : ports.flatMap((port) =>
            (sides[port ?? 0] as Ahead<Batch>).peek(random.integer(0, 2)).map((batch) => ({ batch, port })),
          );
      const ended = ports.filter((port): port is number => port !== undefined && isOpen[port] === false);
      chain = await restart(chain, ended, lost);
    }
    const wanted = isMerging ? chain.wants() : 0;
    expect(isOpen[wanted]).toBe(true);
    const others = [...isOpen.keys()].filter((port) => isOpen[port]);
    const port = runsAhead && random.chance(0.4) ? random.pick(others) : wanted;
    const next = (sides[port] as Ahead<Batch>).next();
    if (next.done !== true) await chain.push(next.value, isMerging ? port : undefined);
    else {
      isOpen[port] = false;
      if (isMerging) await chain.endInput(port);
    }
  }
  await chain.end();
}

/** Runs the plan of a sink, which has to be one stage, on inputs given by source. Nothing may stay allocated. */
export async function driveStage(
  random: SeededRandom,
  sink: Sink,
  sources: readonly Row[][][],
  canSpill: boolean = random.chance(0.8),
): Promise<Driven> {
  const stages = await stagesOf(sink);
  expect(stages).toHaveLength(1);
  const stage = stages[0] as StageSpec;
  const arena = createArena({ maximumBytes: 64 * 2 ** 20, debug: true });
  const folder = join(temporaryFolder(), 'run');
  const spill = canSpill ? new LaneSpill({ folder, lane: '0' }) : undefined;
  const batches: unknown[][][] = [];
  const open: unknown[][] = [];
  let isListening = true;
  const collect = (batch: Batch): Promise<void> | undefined => {
    if (!isListening) return batch.release() as undefined;
    open.push(...batchToRows(batch).map((row) => Object.values(row)));
    for (let input = 0; input < batch.inputs; input++) batches.push(open.splice(0));
    batch.release();
    return random.chance(0.2) ? Promise.resolve() : undefined;
  };
  const kernels = random.chance(0.5) ? createReferenceKernels(arena) : instantiateKernels(arena);
  const build = (): Promise<StageChain> =>
    buildChain(stage, chainServices(arena, [{ push: collect }], { kernels, ...(spill && { spill }) }));
  const kept = new Set<string>();
  const setListening = (now: boolean): void => void (isListening = now);
  const restart: Restart = async (old, ended, lost) => {
    chain = await restartChain(old, { arena, spill, folder, kept, build, setListening }, ended, lost);
    return chain;
  };
  let chain = await build();
  try {
    await feed(random, chain, restart, stage, arena, sources);
  } finally {
    await chain.close();
    spill?.close();
  }
  expect(open, 'rows behind the last logical input').toEqual([]);
  expect(arena.usedSlabs(), 'slabs left').toBe(0);
  expect(filesLeft(folder, kept), 'spill files left').toEqual([]);
  return { batches, spilledBytes: spill?.spilledBytes ?? 0 };
}

/**
 * A stage's logical batches (`forEach`) or rows (`collect`), beside those of the reference executor. `sources`: the rows that the plan's
 * sources were made of. Returns the bytes that were spilled.
 */
export async function expectLikeReference(
  random: SeededRandom,
  sink: Sink,
  sources: readonly Row[][][],
  message: string,
  canSpill?: boolean,
): Promise<number> {
  const { outputs, plan } = await runReference([sink]);
  const expected = outputs[0]?.batches ?? [];
  const { batches, spilledBytes } = await driveStage(random, sink, sources, canSpill);
  const end = plan.nodes.at(-1)?.spec;
  const isWatched = end?.kind === 'sink' && end.sink.type === 'callback';
  if (isWatched) expect(comparable(batches), message).toEqual(comparable(expected));
  else expect(comparable(batches.flat()), message).toEqual(comparable(expected.flat()));
  return spilledBytes;
}
