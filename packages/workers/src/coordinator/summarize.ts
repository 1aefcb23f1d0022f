/** What a run did, put together from its counters. */
import type { PipelineError } from '@spillway/core';
import type { Advice } from '../advice/advice.ts';
import type { Summary } from '../job/summary.ts';
import { noFlushes } from '../monitor/operator-statistics.ts';
import type { JobReadings } from '../monitor/readings.ts';

type OfRun = Pick<
  Summary,
  'ok' | 'elapsedMs' | 'memoryLimitBytes' | 'peakRssBytes' | 'idleRssBytes' | 'restarts' | 'deadLetters'
>;

export interface SummaryParts extends OfRun {
  /** Rows that a source has left out, where it was told to. */
  badRowsOf(source: string): number | undefined;
  /** Whether rows of a sink were put between those that its dataset had. */
  overlaps(sink: string): boolean;
  advice: Advice | undefined;
  error: PipelineError | undefined;
}

/** @param readings undefined for a run that was never wired */
export function summarize(
  readings: JobReadings | undefined,
  { badRowsOf, overlaps, advice, error, ...run }: SummaryParts,
): Summary {
  const stages = readings?.stages() ?? [];
  const sources = (readings?.sources() ?? []).map(({ name, rows }) => {
    const badRows = badRowsOf(name);
    return { name, rows, ...(badRows !== undefined && { badRows }) };
  });
  const sinks = (readings?.sinks() ?? []).map(({ name, rows }) => ({
    name,
    rows,
    ...(overlaps(name) && { overlaps: true }),
  }));
  return {
    ok: run.ok,
    rowsIn: sources.reduce((sum, source) => sum + source.rows, 0),
    rowsOut: sinks.reduce((sum, sink) => sum + sink.rows, 0),
    elapsedMs: run.elapsedMs,
    memoryLimitBytes: run.memoryLimitBytes,
    peakRssBytes: run.peakRssBytes,
    idleRssBytes: run.idleRssBytes,
    spilledBytes: stages.reduce((sum, stage) => sum + stage.spilledBytes, 0),
    restarts: run.restarts,
    deadLetters: run.deadLetters,
    flushes: readings?.flushes() ?? noFlushes(),
    stages,
    sources,
    sinks,
    ...(advice !== undefined && { advice }),
    ...(error === undefined ? {} : { error: error.toJSON() }),
  };
}
