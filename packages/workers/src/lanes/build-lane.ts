/** Puts a lane together from what it was told: its input, its fused operators, its outputs and its statistics. */

import { errorToData } from '@spillway/core/base';
import type {
  Arena,
  ChainServices,
  FlushReason,
  HeldState,
  Kernels,
  LimitPlace,
  MaybePromise,
  Recovery,
  SavedChain,
  Spill,
  StageChain,
  StageSpec,
} from '@spillway/core/internal';
import {
  buildChain,
  givesUnderPressure,
  instantiateKernels,
  packetBytes,
  recoveryOf,
  restoreOperators,
  saveOperators,
} from '@spillway/core/lane';
import { keptAlert, noted } from '../alerts/alert.ts';
import { attachRing, type Ring } from '../channels/ring.ts';
import { SourceGate } from '../channels/source-gate.ts';
import { ActorStatistics, OperatorStatistics } from '../monitor/statistics.ts';
import { wantsFlushes, wantsIsolates } from './attention.ts';
import type { DroppedPackets, DroppedPacketsParts } from './dropped-packets.ts';
import type { SplitBounds } from './generated-input.ts';
import { IsolateReport } from './isolate-report.ts';
import { type LaneChain, type LaneInput, LaneLoop, type LaneParts } from './lane-loop.ts';
import { LaneMemory } from './lane-memory.ts';
import { type LaneOutput, MorselOutput, StreamOutput } from './lane-outputs.ts';
import type { FilePlace, LaneConfig, LaneMessage } from './protocol.ts';
import { RingInput } from './ring-input.ts';
import type { SideInput } from './side-input.ts';
import { BatchPlace } from './source-position.ts';

export interface BuiltLane {
  readonly stageName: string;
  readonly loop: LaneLoop;
  /** By operator. */
  readonly recovery: Recovery[];
  /** Saves the operators. Only between two morsels. */
  save(place: FilePlace): Promise<SavedChain>;
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
  const attention = (): number => Atomics.load(arena.i32, config.listening >>> 2);
  const spill = await openSpill(arena, config, operators, signal, send);
  const side = await openSide(arena, config, statistics);
  const chain = await buildChain(stage, {
    arena,
    kernels,
    owner: config.owner,
    lane: config.lane,
    outputs,
    now: Date.now,
    signal,
    ...(spill !== undefined && { spill }),
    ...(side !== undefined && { side }),
    ...keptServices(stage, memory, send),
    onLate: (operator, rows) => operators[operator]?.countLate(rows),
    onEnough: (operator) => send({ type: 'enough', node: stage.operators[operator]?.name ?? '' }),
    limitPlace: (operator) =>
      limitPlace(operators[operator] as OperatorStatistics, stage.operators[operator]?.autoBytes ?? 0),
    onFlush: (operator, reason, held) => {
      operators[operator]?.countFlush(reason, held.bytes);
      if (wantsFlushes(attention())) send({ type: 'flush', node: stage.operators[operator]?.name ?? '', reason, held });
    },
    position: () => place.position(),
  });
  const input = await restoreChain(arena, config, chain, { spill, signal })
    .then(() => laneInput(arena, config, { kernels, chain, signal, send }))
    .catch(async (error: unknown) => {
      await closeLane(arena, undefined, chain, outputs, spill).finally(closesBoth(side, memory));
      throw error;
    });
  const isolate = new IsolateReport(statistics, () => wantsIsolates(attention()));
  const loop = new LaneLoop({
    input,
    chain: new DrivenChain(chain, config, operators),
    outputs,
    statistics,
    ...(side !== undefined && { side: sideOf(chain, config, side) }),
    isOnlyLane: stage.lanes === 1,
    isolate,
    pressure: memory.watch(rings, (error) => send({ type: 'unmanaged', error: errorToData(error) })),
    ...(await droppedPackets(arena, config, send)),
    onBatch: (sequence, rowsBefore, origin) => place.set(sequence, rowsBefore, origin),
  });
  return {
    stageName: stage.name,
    loop,
    recovery: chain.operators.map(recoveryOf),
    save: (place) => saveChain(arena, config, chain, place, signal),
    close: () => {
      isolate.close();
      return closeLane(arena, input, chain, outputs, spill).finally(closesBoth(side, memory));
    },
  };
}

/** What code of users keeps is counted, and missed when it is not released. */
function keptServices(
  stage: StageSpec,
  { consumer }: LaneMemory,
  send: (message: LaneMessage) => void,
): Required<Pick<ChainServices, 'keptAccount' | 'onKeptLeft'>> {
  return {
    keptAccount: (operator) => ({
      grow: (bytes) => consumer.keep(bytes, operator),
      shrink: (bytes) => consumer.unkeep(bytes),
    }),
    onKeptLeft: (operator, batches, bytes) =>
      send({ type: 'alert', alert: keptAlert(stage.operators[operator]?.name ?? stage.name, batches, bytes) }),
  };
}

/** Where an operator whose limit is left to the governor finds it, and says what it wishes. */
function limitPlace(own: OperatorStatistics, autoBytes: number): LimitPlace {
  return {
    capBytes: () => own.capBytes || autoBytes,
    report: (limitBytes, wishBytes) => own.setLimit(limitBytes, wishBytes),
  };
}

/** Loaded where there are any. */
async function droppedPackets(
  arena: Arena,
  { owner, drops }: LaneConfig,
  send: (message: LaneMessage) => void,
): Promise<{ drops?: DroppedPackets }> {
  if (drops.every(({ length }) => length === 0)) return {};
  const { DroppedPackets: Dropped } = await import('./dropped-packets.ts');
  const onDropped: DroppedPacketsParts['onDropped'] = (input, sequence, batches) =>
    send({ type: 'dropped', input, sequence, batches });
  return { drops: new Dropped({ arena, owner, packets: drops, onDropped }) };
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
  { stage, lane, spill, spilled, attempt }: LaneConfig,
  operators: readonly OperatorStatistics[],
  signal: AbortSignal,
  send: (message: LaneMessage) => void,
): Promise<Spill | undefined> {
  if (spill === undefined) return undefined;
  const { LaneSpill, sharedAccount } = await import('@spillway/core/spill');
  return new LaneSpill({
    folder: spill.folder,
    lane: `${attempt}-${stage.id}-${lane}`,
    limitBytes: spill.limitBytes,
    account: sharedAccount(arena.buffer, spilled),
    signal,
    onAlert: ({ message }) => send({ type: 'alert', alert: noted('spill', stage.name, message) }),
    onWritten: (bytes, name) =>
      operators[stage.operators.findIndex((operator) => operator.name === name)]?.countSpilled(bytes),
  });
}

/** Loaded where the lanes of the stage share a join. */
async function openSide(
  arena: Arena,
  { side }: LaneConfig,
  statistics: ActorStatistics,
): Promise<SideInput | undefined> {
  if (side === undefined) return undefined;
  const { SideInput } = await import('./side-input.ts');
  return new SideInput(attachRing(arena, side.ring).consumer(), side.edge, statistics);
}

function closesBoth(side: SideInput | undefined, memory: LaneMemory): () => void {
  return () => {
    side?.close();
    memory.close();
  };
}

function sideOf({ operators }: StageChain, { stage }: LaneConfig, side: SideInput): NonNullable<LaneParts['side']> {
  const join = stage.side && operators[stage.side.operator];
  return {
    takeWhile: (pending) => join?.takeWhile?.(pending) ?? pending,
    drain: () => side.drain(),
  };
}

/** Snapshots are written through a spill of their own: the operators may have none. */
async function filesOf(
  arena: Arena,
  { stage, lane, attempt, spilled }: LaneConfig,
  { folder, limitBytes }: FilePlace,
  signal: AbortSignal,
): Promise<{ spill: Spill; modules: typeof import('@spillway/core/spill') }> {
  const modules = await import('@spillway/core/spill');
  const name = `${attempt}-${stage.id}-${lane}-at-${saves++}`;
  const account = modules.sharedAccount(arena.buffer, spilled);
  return { spill: new modules.LaneSpill({ folder, lane: name, limitBytes, account, signal }), modules };
}

/** Snapshots of this thread so far: no two write files of one name. */
let saves = 0;

async function saveChain(
  arena: Arena,
  config: LaneConfig,
  chain: StageChain,
  place: FilePlace,
  signal: AbortSignal,
): Promise<SavedChain> {
  const { spill, modules } = await filesOf(arena, config, place, signal);
  const files = new modules.SnapshotFiles(arena, spill, config.stage.name);
  try {
    const operators = await saveOperators(chain.operators, files);
    return { operators, files: files.finish() };
  } catch (error) {
    files.discard();
    throw error;
  }
}

async function restoreChain(
  arena: Arena,
  config: LaneConfig,
  chain: StageChain,
  { spill, signal }: { spill: Spill | undefined; signal: AbortSignal },
): Promise<void> {
  const { restore, stage } = config;
  if (restore === undefined) return;
  // Nothing is written: the files are named in the snapshot.
  const { spill: own, modules } = await filesOf(arena, config, { folder: '', limitBytes: 0 }, signal);
  const source = new modules.SnapshotSource(arena, spill ?? own, stage.name, restore.files, restore.places);
  try {
    await restoreOperators(chain.operators, restore.operators, source);
  } finally {
    source.close();
  }
}

function laneOutput(
  { stage, owner }: LaneConfig,
  ring: Ring,
  { edge, from }: StageSpec['outputs'][number],
  statistics: ActorStatistics,
): LaneOutput {
  if (stage.lanes === 1) return new StreamOutput(ring.producer(), edge, statistics, owner);
  const operator = from === 'stage-input' ? undefined : stage.operators[from.operator];
  // Only the states of an aggregate may be more than the rows that they are made of.
  const spec = operator?.spec.kind === 'makeStates' ? operator.spec.aggregate : operator?.spec;
  const makesStates = operator?.half === 'partial' || operator?.spec.kind === 'makeStates';
  const partBytes = makesStates && spec?.kind === 'aggStream' ? packetBytes(spec) : undefined;
  return new MorselOutput(ring.producer(), edge, statistics, partBytes, partBytes === undefined ? owner : undefined);
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
    const isAligning = (): boolean => Atomics.load(arena.i32, config.aligning >>> 2) !== 0;
    return new MergedInput(ports, () => chain.wants(), isAligning);
  }
  const { source, fields } = input;
  const gate = new SourceGate(arena, input.gate);
  // Loaded when they are there: most stages take an edge.
  if (source.type === 'shared') {
    const { SharedInput } = await import('./shared-input.ts');
    return new SharedInput({ arena, kernels, source, fields, gate, batches: input.batches });
  }
  const onSplit = (bounds: SplitBounds): void => send({ type: 'split', ...bounds });
  if (source.type === 'text') {
    const { TextInput } = await import('../sources/text-input.ts');
    const { chain: chunks } = input;
    return new TextInput({
      arena,
      source,
      fields,
      gate,
      chain: chunks,
      owner: config.owner,
      lane: config.lane,
      signal,
      onBadRows: (chunk, rows) => send({ type: 'bad-rows', chunk, rows }),
      onSplit,
    });
  }
  if (source.type === 'arrow') {
    const { ArrowInput } = await import('../sources/arrow-input.ts');
    return new ArrowInput({ arena, source, fields, gate, owner: config.owner, onSplit });
  }
  const { GeneratedInput } = await import('./generated-input.ts');
  return GeneratedInput.open({
    arena,
    source,
    fields,
    gate,
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
  /** Of those, the ones that pressure can get something out of. */
  readonly #giving: ReadonlySet<number>;
  #heldBytes = 0;
  #stuck: { bytes: number; operator: number } = { bytes: 0, operator: 0 };

  constructor(chain: StageChain, config: LaneConfig, statistics: readonly OperatorStatistics[]) {
    this.#chain = chain;
    this.#giving = new Set(
      config.stage.operators.flatMap((operator, index) => (givesUnderPressure(operator) === undefined ? [] : [index])),
    );
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

  stuck(): { bytes: number; operator: number } {
    return this.#stuck;
  }

  reportHeld(): void {
    this.#heldBytes = 0;
    let mostBytes = 0;
    this.#stuck = { bytes: 0, operator: this.#holding[0] ?? 0 };
    for (const index of this.#holding) {
      const held: HeldState | undefined = this.#chain.operators[index]?.held?.();
      if (held === undefined) continue;
      if (this.#giving.has(index)) this.#heldBytes += held.bytes;
      else {
        this.#stuck.bytes += held.bytes;
        if (held.bytes > mostBytes) this.#stuck.operator = index;
        mostBytes = Math.max(mostBytes, held.bytes);
      }
      this.#statistics[index]?.setHeld(held);
    }
  }
}
