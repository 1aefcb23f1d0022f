/**
 * What tells one plan from another for `resume`: the steps, their options and how they hang together. Left out is what may change between the
 * runs of one job: the files that sources read, where the modules of ops lie, how many threads there are, the pipeline's memory, and names of this process alone.
 */
import { createHash } from 'node:crypto';
import type { LogicalPlan, OperatorSpec, SinkSpec, SourceSpec } from '@spillway/core/internal';

export function fingerprintOf(plan: LogicalPlan): string {
  return digestOf(plan, []);
}

/** The same whatever the limits of stages are: what a run has to do, not how much it may hold while it does it. */
export function workFingerprintOf(plan: LogicalPlan): string {
  return digestOf(plan, ['memoryLimitBytes']);
}

function digestOf({ nodes, deterministic }: LogicalPlan, leftOut: readonly string[]): string {
  const steps = nodes.map(({ id, name, spec, inputs }) => ({ id, name, spec: lasting(spec), inputs }));
  const text = JSON.stringify({ steps, deterministic }, (key, value) => {
    if (leftOut.includes(key)) return undefined;
    if (key === 'url' && typeof value === 'string') return moduleName(value);
    return typeof value === 'bigint' ? `${value}n` : sorted(value);
  });
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Of an op's module its name alone: a project may lie elsewhere the next time, and be compiled. */
function moduleName(url: string): string {
  return url
    .replace(/[?#].*$/s, '')
    .replace(/^.*\//s, '')
    .replace(/\.[cm]?[jt]s$/, '');
}

/** The order of keys means nothing. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function lasting(spec: OperatorSpec): unknown {
  if (spec.kind === 'source') return { kind: spec.kind, source: lastingSource(spec.source) };
  return spec.kind === 'sink' ? { ...spec, sink: lastingSink(spec.sink) } : spec;
}

function lastingSource(source: SourceSpec): object {
  if (source.type === 'parquet') {
    const { paths: _, stored, ...rest } = source;
    return { ...rest, stored: stored?.fields };
  }
  if (source.type === 'text' || source.type === 'arrow') {
    const { paths: _, files: __, ...rest } = source;
    return rest;
  }
  if (source.type === 'fed') {
    const { id: _, position: __, ...rest } = source;
    return rest;
  }
  if (source.type === 'shared') {
    const { tableId: _, rows: __, ...rest } = source;
    return rest;
  }
  return source;
}

function lastingSink(sink: SinkSpec): object {
  if (sink.type === 'store') {
    const { written: _, ...rest } = sink;
    return rest;
  }
  if (!('id' in sink)) return sink;
  const { id: _, ...rest } = sink;
  return rest;
}
