/** For tests that drive the stages of a plan by hand, as lanes do, and compare them with the reference executor. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Sink } from '@spillway/core';
import {
  type Arena,
  buildLogicalPlan,
  type ChainServices,
  createReferenceKernels,
  cutStages,
  type Output,
  resolvePlan,
  type StageSpec,
} from '@spillway/core/internal';

/** The stages of a plan with one sink, each on one lane. */
export async function stagesOf(sink: Sink): Promise<StageSpec[]> {
  return cutStages(await resolvePlan(buildLogicalPlan([sink])), { workers: 1 }).stages;
}

/** What a chain gets of its lane: simple kernels, a clock that stands still, nobody who listens to flushes. `more`: whatever differs. */
export function chainServices(arena: Arena, outputs: Output[], more: Partial<ChainServices> = {}): ChainServices {
  return {
    arena,
    kernels: more.kernels ?? createReferenceKernels(arena),
    owner: 1,
    lane: 0,
    outputs,
    now: () => 0,
    signal: new AbortController().signal,
    onFlush: () => {},
    position: () => ({}),
    ...more,
  };
}

/** Drops what it gets. */
export const NOWHERE: Output = { push: (batch) => batch.release() };

/** Files that a chain has left in its folder, other than those that are kept. */
export function filesLeft(folder: string, kept: ReadonlySet<string> = new Set()): string[] {
  return (existsSync(folder) ? readdirSync(folder) : []).filter((name) => !kept.has(join(folder, name)));
}

/** Values of both executors in one form. */
export function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  return typeof value === 'bigint' ? Number(value) : value;
}
