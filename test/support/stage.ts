/** Stages made by hand, for tests of operators: a row of steps, the last of which goes to one output. */
import type { Fields } from '@spillway/core';
import {
  type Arena,
  type Batch,
  batchToRows,
  buildChain,
  type ChainServices,
  createArena,
  type FlushReason,
  type HeldState,
  type OperatorSpec,
  rowsToBatch,
  type StageChain,
  type StageSpec,
} from '@spillway/core/internal';
import { chainServices } from '#support/driven-stage';

export interface Step {
  name: string;
  spec: OperatorSpec;
  /** Output columns; those of its input when left out. */
  fields?: Fields;
  emissionsVisible?: boolean;
  autoBytes?: number;
}

/** What came out of a stage: one entry a batch. */
export interface Emitted {
  rows: Record<string, unknown>[];
  inputs: number;
}

export interface TestStage {
  arena: Arena;
  chain: StageChain;
  emitted: Emitted[];
  /** `name reason`, in order. */
  flushes: string[];
  held: HeldState[];
  /** Milliseconds on the stage's clock. */
  clock: { now: number };
  /** Pushes rows as one batch. */
  push(rows: readonly Record<string, unknown>[], inputs?: number): Promise<void>;
  end(): Promise<void>;
  /** Closes the chain and gives the slabs that are still in use. */
  close(): number;
}

export function makeStage(fields: Fields, steps: readonly Step[]): StageSpec {
  let inputFields = fields;
  const operators = steps.map((step, index): StageSpec['operators'][number] => {
    const own = { inputFields: [inputFields], outputFields: { out: step.fields ?? inputFields } };
    inputFields = step.fields ?? inputFields;
    return {
      node: index,
      name: step.name,
      spec: step.spec,
      half: 'whole',
      inputs: [index === 0 ? { from: 'stage-input' } : { from: 'operator', index: index - 1, port: 'out' }],
      ...own,
      emissionsVisible: step.emissionsVisible ?? true,
      ...(step.autoBytes !== undefined && { autoBytes: step.autoBytes }),
    };
  });
  return {
    id: 0,
    name: steps.map((step) => step.name).join('+'),
    input: { kind: 'edge', edge: 0 },
    operators,
    lanes: 1,
    outputs: [{ edge: 1, from: { operator: operators.length - 1, port: 'out' } }],
    blocking: false,
  };
}

export async function startStage(
  fields: Fields,
  steps: readonly Step[],
  more: Partial<ChainServices> = {},
): Promise<TestStage> {
  const arena = more.arena ?? createArena({ maximumBytes: 256 * 2 ** 20, debug: true });
  const emitted: Emitted[] = [];
  const flushes: string[] = [];
  const held: HeldState[] = [];
  const clock = { now: 0 };
  const collect = (batch: Batch): void => {
    emitted.push({ rows: batchToRows(batch), inputs: batch.inputs });
    batch.release();
  };
  const services = chainServices(arena, [{ push: collect }], {
    now: () => clock.now,
    onFlush: (operator: number, reason: FlushReason, state: HeldState) => {
      flushes.push(`${steps[operator]?.name} ${reason}`);
      held.push(state);
    },
    ...more,
  });
  const chain = await buildChain(makeStage(fields, steps), services);
  return {
    arena,
    chain,
    emitted,
    flushes,
    held,
    clock,
    push: async (rows, inputs = 1) => {
      await chain.push(rowsToBatch(arena, 1, fields, rows, inputs));
    },
    end: async () => {
      await chain.end();
    },
    close: () => {
      void chain.close();
      return arena.usedSlabs();
    },
  };
}
