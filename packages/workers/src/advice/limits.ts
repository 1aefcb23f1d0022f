/**
 * Limits that would have spared a run its forced flushes and spills, from its high-water marks. What a limit would give each stage is not guessed:
 * the planner is asked, for limit after limit, until the smallest is found that is enough. What a stage would have held is an upper
 * bound where it folds or merges what it holds, so a limit that is suggested may be more than enough, and is not less.
 */
import { totalmem } from 'node:os';
import type { PhysicalPlan, ResolvedPlan, StageOperator } from '@spillway/core/internal';
import { fitStages, splitMemory } from '@spillway/core/planner';
import { forcedFlushes } from '../monitor/operator-statistics.ts';
import type { BufferMetrics, MetricsSnapshot } from '../monitor/snapshot.ts';
import type { StageAdvice, TotalAdvice } from './advice.ts';

const MEBIBYTE = 2 ** 20;
/** Of the arena; pressure asks for nothing below it. */
const CALM_PART = 0.68;
/** Runs are not the same to the byte. */
const MARGIN = 1.1;
/** A limit that is less than this much larger is not worth a word. */
const LEAST_RAISE = 1.25;
/** The same for one that is smaller. */
const MOST_OF_LOWER = 0.9;
/** Limits are found to within this part of the larger ones. */
const FINENESS = 64;
/** Limits are not suggested beyond this part of the machine. */
const MOST_OF_MACHINE = 0.7;

export interface RunFacts {
  logical: ResolvedPlan;
  physical: PhysicalPlan;
  snapshot: MetricsSnapshot;
}

/** A buffer with what the plan says of it. */
interface Need {
  buffer: BufferMetrics;
  operator: StageOperator;
  /** Most that it would have held. */
  wantedBytes: number;
  limitBytes: number | undefined;
  isShort: boolean;
}

/** @returns advice for each buffer, in the plan's order, and for the whole */
export function adviseLimits(run: RunFacts): { stages: StageAdvice[]; total: TotalAdvice } {
  const needs = needsOf(run);
  const stages = needs.map((need) => stageAdvice(need));
  raiseWithinTotal(needs, stages, roomOf(run));
  return { stages, total: totalAdvice(run, needs) };
}

function needsOf({ physical, snapshot }: RunFacts): Need[] {
  return snapshot.buffers.flatMap((buffer) => {
    const stage = physical.stages.find(({ name }) => name === buffer.stage);
    const operator = stage?.operators.find(({ name, half }) => name === buffer.name && half !== 'partial');
    if (operator === undefined) return [];
    const { peakBytes, spilledBytes, wishBytes } = buffer;
    // Where batches can be observed, memory is a trigger like any other: another limit would be another result.
    const isFixed = operator.emissionsVisible;
    const forced = isFixed ? 0 : forcedFlushes(buffer.flushes);
    const isShort = forced > 0 || spilledBytes > 0;
    const wanted = operator.autoBytes === undefined ? buffer.wantedBytes : Math.max(peakBytes, wishBytes);
    const wantedBytes = Math.max(peakBytes, isFixed ? 0 : wanted, spilledBytes > 0 ? peakBytes + spilledBytes : 0);
    return [
      { buffer, operator, limitBytes: ownLimitOf(operator), isShort, wantedBytes: isShort ? wantedBytes : peakBytes },
    ];
  });
}

function ownLimitOf({ spec, emissionsVisible }: StageOperator): number | undefined {
  if (emissionsVisible) return undefined;
  const own = 'triggers' in spec ? spec.triggers.memoryLimitBytes : undefined;
  const held = 'memoryLimitBytes' in spec ? spec.memoryLimitBytes : undefined;
  return typeof own === 'number' ? own : typeof held === 'number' ? held : undefined;
}

function stageAdvice({ buffer, wantedBytes, limitBytes, operator }: Need): StageAdvice {
  const { name: node, stage, peakBytes, spilledBytes, flushes } = buffer;
  return {
    ...{ node, stage, peakBytes, wantedBytes, spilledBytes },
    forced: operator.emissionsVisible ? 0 : forcedFlushes(flushes),
    ...(limitBytes !== undefined && { limitBytes }),
    action: 'keep',
  };
}

/** What of the arena was never used, and could be without pressure. */
function roomOf({ snapshot }: RunFacts): number {
  const { arenaBytes, peakManagedBytes } = snapshot.memory;
  return Math.max(0, arenaBytes * CALM_PART - peakManagedBytes);
}

/** Stages that their own limit held down get what they wanted, or where the total has no room for that, a part of it each. */
function raiseWithinTotal(needs: readonly Need[], stages: StageAdvice[], roomBytes: number): void {
  const wishes = needs.map(({ isShort, limitBytes, wantedBytes }) =>
    isShort && limitBytes !== undefined ? Math.max(0, wantedBytes * MARGIN - limitBytes) : 0,
  );
  const asked = wishes.reduce((sum, wish) => sum + wish, 0);
  const part = asked === 0 ? 0 : Math.min(1, roomBytes / asked);
  for (const [index, advice] of stages.entries()) {
    const { limitBytes } = advice;
    const wish = wishes[index] ?? 0;
    if (limitBytes === undefined || wish === 0) continue;
    const bytes = limitBytes + wish * part;
    if (bytes < limitBytes * LEAST_RAISE) continue;
    advice.action = 'raise';
    advice.suggestedBytes = part < 1 ? floorSize(bytes) : ceilSize(bytes);
  }
}

function totalAdvice(run: RunFacts, needs: readonly Need[]): TotalAdvice {
  const { memory } = run.snapshot;
  const { limitBytes, peakManagedBytes } = memory;
  const peakResidentBytes = Math.max(0, memory.peakRssBytes - memory.idleRssBytes);
  const facts = { limitBytes, peakManagedBytes, peakResidentBytes };
  const isEnough = enough(run, needs, peakManagedBytes);
  if (isEnough(limitBytes)) {
    const lowest = ceilSize(Math.max(smallest(run.physical.minimumBytes, limitBytes, isEnough), peakResidentBytes));
    const isLower = lowest <= limitBytes * MOST_OF_LOWER && !needs.some(({ isShort }) => isShort);
    return isLower
      ? { ...facts, action: 'lower', suggestedBytes: lowest }
      : { ...facts, action: 'keep', suggestedBytes: limitBytes };
  }
  const raised = needs.some(({ isShort }) => isShort) ? raisedLimit(limitBytes, isEnough) : undefined;
  return raised === undefined
    ? { ...facts, action: 'keep', suggestedBytes: limitBytes }
    : { ...facts, action: 'raise', suggestedBytes: ceilSize(raised) };
}

/** @returns undefined where no limit that this machine could have is enough */
function raisedLimit(limitBytes: number, isEnough: (limit: number) => boolean): number | undefined {
  const most = totalmem() * MOST_OF_MACHINE;
  for (let limit = 2 * limitBytes; limit / 2 < most; limit *= 2)
    if (isEnough(limit)) return smallest(limit / 2, limit, isEnough);
  return undefined;
}

/** Whether a limit would have been enough for everything to be held, without pressure, on the same lanes. */
function enough(
  { logical, physical }: RunFacts,
  needs: readonly Need[],
  peakManagedBytes: number,
): (limit: number) => boolean {
  const beyond = needs.reduce((sum, { wantedBytes, buffer }) => sum + wantedBytes - buffer.peakBytes, 0);
  const lanes = lanesOf(physical);
  return (limit) => {
    const plan = fitStages(logical, {
      workers: physical.workers,
      joinsOnOneLane: physical.joinsOnOneLane,
      codecsRead: physical.codecsRead,
      memoryLimitBytes: limit,
    });
    if (limit < plan.minimumBytes || lanesOf(plan) !== lanes) return false;
    if (peakManagedBytes + beyond > splitMemory(logical, plan).arenaBytes * CALM_PART) return false;
    const operators = plan.stages.flatMap((stage) => stage.operators);
    return needs.every((need) => fits(need, operators));
  };
}

function fits(
  { operator: { node, half }, wantedBytes, limitBytes }: Need,
  operators: readonly StageOperator[],
): boolean {
  const planned = operators.find((other) => other.node === node && other.half === half);
  const { shareBytes, autoBytes } = planned ?? {};
  if (autoBytes !== undefined && autoBytes < wantedBytes) return false;
  // Where its own limit is the smaller one, the total has no part in it.
  return shareBytes === undefined || shareBytes >= Math.min(wantedBytes * MARGIN, limitBytes ?? Infinity);
}

function lanesOf({ stages }: PhysicalPlan): string {
  return stages.map(({ lanes }) => lanes).join();
}

/** The smallest limit that is enough, to within a part of `most`, which is: each look plans anew, and a short run should not end long after its rows. */
function smallest(least: number, most: number, isEnough: (limit: number) => boolean): number {
  let [low, high] = [least, most];
  while (high - low > Math.max(MEBIBYTE, most / FINENESS)) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Whole mebibytes; whole kibibytes for what is small. */
function unitOf(bytes: number): number {
  return bytes >= 4 * MEBIBYTE ? MEBIBYTE : 1024;
}

function ceilSize(bytes: number): number {
  return Math.ceil(bytes / unitOf(bytes)) * unitOf(bytes);
}

function floorSize(bytes: number): number {
  return Math.floor(bytes / unitOf(bytes)) * unitOf(bytes);
}
