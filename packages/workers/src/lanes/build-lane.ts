/** Puts a lane together from what it was told: its input, its fused operators, its outputs and its statistics. */

import type {
  Arena,
  ChainServices,
  LimitPlace,
  Recovery,
  SavedChain,
  Spill,
  StageChain,
  StageSpec,
} from '@spillway/core/internal';
import { buildChain, instantiateKernels, packetBytes, recoveryOf } from '@spillway/core/lane';
import { keptAlert, noted } from '../alerts/alert.ts';
import { attachRing, type Ring } from '../channels/ring.ts';
import { ActorStatistics } from '../monitor/actor-statistics.ts';
import { OperatorStatistics } from '../monitor/operator-statistics.ts';
import { wantsFlushes, wantsIsolates } from './attention.ts';
import { DrivenChain } from './driven-chain.ts';
import type { DroppedPackets, DroppedPacketsParts } from './dropped-packets.ts';
import { IsolateReport } from './isolate-report.ts';
import { type LaneInput, LaneLoop, type LaneParts } from './lane-loop.ts';
import { LaneMemory } from './lane-memory.ts';
import { type LaneOutput, MorselOutput, StreamOutput } from './lane-outputs.ts';
import { restoreChain, saveChain } from './lane-snapshots.ts';
import { openInput } from './open-input.ts';
import type { FilePlace, LaneConfig, LaneMessage } from './protocol.ts';
import type { SideInput } from './side-input.ts';
import { BatchPlace } from './source-position.ts';

export interface BuiltLane {
  readonly stageName: string;
  readonly loop: LaneLoop;
  /** By operator. */
  readonly recovery: Recovery[];
  /** Saves the operators. Only between two morsels. */
  save(place: FilePlace): Promise<SavedChain>;
  /** The coordinator's answer to a lane whose code keeps too much. */
  goOn(): void;
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
  const outputs = laneOutputs(config, rings, statistics);
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
    ...userServices(stage, memory, send),
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
    .then(() => openInput(arena, config, { kernels, chain, signal, send }))
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
    pressure: memory.watch({ outputs: rings, statistics, signal, send }),
    ...(await droppedPackets(arena, config, send)),
    onBatch: (sequence, rowsBefore, origin) => place.set(sequence, rowsBefore, origin),
  });
  return {
    stageName: stage.name,
    loop,
    recovery: chain.operators.map(recoveryOf),
    save: (place) => saveChain(arena, config, chain, place, signal),
    goOn: () => memory.goOn(),
    close: () => {
      isolate.close();
      return closeLane(arena, input, chain, outputs, spill).finally(closesBoth(side, memory));
    },
  };
}

/** Code of users is called while there is memory for it; what it keeps is counted, and missed when it is not released. */
function userServices(
  stage: StageSpec,
  memory: LaneMemory,
  send: (message: LaneMessage) => void,
): Required<Pick<ChainServices, 'beforeUserCall' | 'keptAccount' | 'onKeptLeft'>> {
  const { consumer } = memory;
  return {
    beforeUserCall: () => memory.beforeUserCall(),
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

/** In the order of `stage.outputs`. */
function laneOutputs(config: LaneConfig, rings: readonly Ring[], statistics: ActorStatistics): LaneOutput[] {
  const { outputs } = config.stage;
  return rings.map((ring, index) => laneOutput(config, ring, outputs[index] as (typeof outputs)[number], statistics));
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
