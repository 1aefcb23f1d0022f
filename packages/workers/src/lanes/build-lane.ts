/** Puts a lane together from what it was told: its input, its fused operators, its outputs and its statistics. */
import type {
  Arena,
  FlushReason,
  HeldState,
  Kernels,
  MaybePromise,
  MemoryConsumer,
  Recovery,
  Spill,
  StageChain,
  StageSpec,
} from '@spillway/core/internal';
import { buildChain, instantiateKernels, recoveryOf } from '@spillway/core/lane';
import { attachRing, type Ring } from '../channels/ring.ts';
import { ActorStatistics, OperatorStatistics } from '../monitor/statistics.ts';
import type { SplitBounds } from './generated-input.ts';
import { type LaneChain, type LaneInput, LaneLoop } from './lane-loop.ts';
import { LaneMemory } from './lane-memory.ts';
import { type LaneOutput, MorselOutput, StreamOutput } from './lane-outputs.ts';
import type { LaneConfig, LaneMessage } from './protocol.ts';
import { RingInput } from './ring-input.ts';
import { BatchPlace } from './source-position.ts';

export interface BuiltLane {
  readonly stageName: string;
  readonly loop: LaneLoop;
  /** By operator. */
  readonly recovery: Recovery[];
  /** Releases everything the lane holds, and its open slabs. */
  close(): Promise<void>;
}

/** @throws ERR_OP_IMPORT and what else keeps the stage's operators from being made */
export async function buildLane(
  arena: Arena,
  config: LaneConfig,
  signal: AbortSignal,
  send: (message: LaneMessage) => void,
): Promise<BuiltLane> {
  const { stage } = config;
  const memory = new LaneMemory(arena, config);
  const statistics = new ActorStatistics(arena.buffer, config.statistics.actor);
  const operators = config.statistics.operators.map((place) => new OperatorStatistics(arena.buffer, place));
  const rings = config.outputs.map((handle) => attachRing(arena, handle));
  const outputs = rings.map((ring, index) =>
    laneOutput(config, ring, stage.outputs[index] as StageSpec['outputs'][number], statistics),
  );
  const place = new BatchPlace(config.positions);
  const kernels = instantiateKernels(arena);
  const spill = await openSpill(arena, config, operators, signal, send);
  const chain = await buildChain(stage, {
    arena,
    kernels,
    owner: config.owner,
    lane: config.lane,
    outputs,
    now: Date.now,
    signal,
    ...(spill !== undefined && { spill }),
    limitPlace: (operator) => {
      const own = operators[operator] as OperatorStatistics;
      const { autoBytes = 0 } = stage.operators[operator] ?? {};
      return {
        capBytes: () => own.capBytes || autoBytes,
        report: (limitBytes, wishBytes) => own.setLimit(limitBytes, wishBytes),
      };
    },
    onFlush: (operator, reason, held) => {
      operators[operator]?.countFlush(reason);
      if (Atomics.load(arena.i32, config.listening >>> 2) !== 0)
        send({ type: 'flush', node: stage.operators[operator]?.name ?? '', reason, held });
    },
    position: () => place.position(),
  });
  const input = await laneInput(arena, config, { kernels, chain, signal, send }).catch(async (error: unknown) => {
    await closeLane(arena, undefined, chain, outputs, spill).finally(() => memory.close());
    throw error;
  });
  const loop = new LaneLoop({
    input,
    chain: new DrivenChain(chain, config, operators, memory.consumer),
    outputs,
    statistics,
    isOnlyLane: stage.lanes === 1,
    pressure: memory.watch(),
    onBatch: (sequence, rowsBefore, origin) => place.set(sequence, rowsBefore, origin),
  });
  return {
    stageName: stage.name,
    loop,
    recovery: chain.operators.map(recoveryOf),
    close: () => closeLane(arena, input, chain, outputs, spill).finally(() => memory.close()),
  };
}

async function closeLane(
  arena: Arena,
  input: LaneInput | undefined,
  chain: StageChain,
  outputs: readonly LaneOutput[],
  spill: Spill | undefined,
): Promise<void> {
  try {
    await chain.close();
  } finally {
    spill?.close();
    for (const output of outputs) output.close();
    await input?.close();
    arena.trim();
  }
}

/** Loaded when an operator of the stage can spill. */
async function openSpill(
  arena: Arena,
  { stage, lane, spill }: LaneConfig,
  operators: readonly OperatorStatistics[],
  signal: AbortSignal,
  send: (message: LaneMessage) => void,
): Promise<Spill | undefined> {
  if (spill === undefined) return undefined;
  const { LaneSpill, sharedAccount } = await import('@spillway/core/spill');
  return new LaneSpill({
    folder: spill.folder,
    lane: `${stage.id}-${lane}`,
    limitBytes: spill.limitBytes,
    account: sharedAccount(arena.buffer, spill.used),
    signal,
    onAlert: ({ message }) => send({ type: 'alert', message }),
    onWritten: (bytes, name) =>
      operators[stage.operators.findIndex((operator) => operator.name === name)]?.countSpilled(bytes),
  });
}

function laneOutput(
  { stage, owner }: LaneConfig,
  ring: Ring,
  { edge, from }: StageSpec['outputs'][number],
  statistics: ActorStatistics,
): LaneOutput {
  const Output = stage.lanes > 1 ? MorselOutput : StreamOutput;
  const carriesStates = from !== 'stage-input' && stage.operators[from.operator]?.half === 'partial';
  return new Output(ring.producer(), edge, statistics, !carriesStates, carriesStates ? undefined : owner);
}

async function laneInput(
  arena: Arena,
  config: LaneConfig,
  {
    kernels,
    chain,
    signal,
    send,
  }: { kernels: Kernels; chain: StageChain; signal: AbortSignal; send: (message: LaneMessage) => void },
): Promise<LaneInput> {
  const { input } = config;
  if (input.kind === 'edge') return new RingInput(attachRing(arena, input.ring).consumer(), input.edge);
  if (input.kind === 'edges') {
    const { MergedInput } = await import('./merged-input.ts');
    const ports = input.inputs.map(({ edge, ring, isElastic }) => ({
      edge,
      consumer: attachRing(arena, ring).consumer(),
      isElastic,
    }));
    return new MergedInput(ports, () => chain.wants());
  }
  const { source, fields, claim } = input;
  // Loaded when they are there: most stages take an edge.
  if (source.type === 'shared') {
    const { SharedInput } = await import('./shared-input.ts');
    return new SharedInput({ arena, kernels, source, fields, claim, batches: input.batches });
  }
  const onSplit = (bounds: SplitBounds): void => send({ type: 'split', ...bounds });
  if (source.type === 'csv') {
    const { CsvInput } = await import('../sources/csv-input.ts');
    const { chain: chunks } = input;
    return new CsvInput({
      arena,
      kernels,
      source,
      fields,
      claim,
      chain: chunks,
      owner: config.owner,
      lane: config.lane,
      signal,
      onSplit,
    });
  }
  const { GeneratedInput } = await import('./generated-input.ts');
  return GeneratedInput.open({
    arena,
    source,
    fields,
    claim,
    owner: config.owner,
    onSplit,
  });
}

/** The chain as the loop drives it: flushes by name or by time, and what is held written into the statistics. */
class DrivenChain implements LaneChain {
  readonly #chain: StageChain;
  readonly #names: readonly string[];
  readonly #statistics: readonly OperatorStatistics[];
  /** Operators that can hold something, by index; most stages have none, and then nothing is asked between morsels. */
  readonly #holding: readonly number[];
  readonly #timed: readonly number[];
  readonly #consumer: Pick<MemoryConsumer, 'setHeld'>;
  #heldBytes = 0;

  constructor(
    chain: StageChain,
    config: LaneConfig,
    statistics: readonly OperatorStatistics[],
    consumer: Pick<MemoryConsumer, 'setHeld'>,
  ) {
    this.#chain = chain;
    this.#consumer = consumer;
    this.#names = config.stage.operators.map((operator) => operator.name);
    this.#statistics = statistics;
    const indices = chain.operators.map((_, index) => index);
    this.#holding = indices.filter((index) => chain.operators[index]?.held !== undefined);
    this.#timed = indices.filter((index) => chain.operators[index]?.dueAt !== undefined);
  }

  push(batch: Parameters<StageChain['push']>[0], port?: number): MaybePromise {
    return this.#chain.push(batch, port);
  }

  endInput(port: number): MaybePromise {
    return this.#chain.endInput(port);
  }

  endMorsel(): MaybePromise {
    return this.#chain.endMorsel();
  }

  end(): MaybePromise {
    return this.#chain.end();
  }

  async flush(reason: FlushReason, name?: string): Promise<void> {
    for (const [index, operator] of this.#chain.operators.entries()) {
      if (name === undefined || this.#names[index] === name) await operator.flush(reason);
    }
  }

  async flushDue(): Promise<void> {
    for (const index of this.#timed) {
      const operator = this.#chain.operators[index];
      const dueAt = operator?.dueAt?.();
      if (dueAt !== undefined && dueAt <= Date.now()) await operator?.flush('interval');
    }
  }

  dueAt(): number | undefined {
    let earliest: number | undefined;
    for (const index of this.#timed) {
      const dueAt = this.#chain.operators[index]?.dueAt?.();
      if (dueAt !== undefined && (earliest === undefined || dueAt < earliest)) earliest = dueAt;
    }
    return earliest;
  }

  heldBytes(): number {
    return this.#heldBytes;
  }

  reportHeld(): void {
    this.#heldBytes = 0;
    for (const index of this.#holding) {
      const held: HeldState | undefined = this.#chain.operators[index]?.held?.();
      if (held === undefined) continue;
      this.#heldBytes += held.bytes;
      this.#statistics[index]?.setHeld(held);
    }
    this.#consumer.setHeld(this.#heldBytes);
  }
}
