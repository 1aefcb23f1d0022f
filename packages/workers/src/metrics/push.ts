/** Metrics of runs that are too short to be scraped: sent to a Pushgateway, or left as a file that the node exporter picks up. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { PipelineError } from '@spillway/core/base';
import type { Run } from '../job/job.ts';
import { prometheusText } from './prometheus.ts';

/** Options of `pushMetrics` and `writeMetrics`. */
export interface PushOptions {
  /** Name that the series get as label `job`, and whose former series are replaced. Default `spillway`. */
  job?: string;
  /** Further labels, such as `{ instance: 'etl-3' }`. */
  labels?: Record<string, string>;
}

const ANSWER_WITHIN_MS = 10_000;

/**
 * Sends what a run's metrics are now to a Prometheus Pushgateway, in place of what was sent under the same name. Call it when the run has
 * ended, well or not, and in between if that is wanted.
 *
 * @param gateway its address, `http://127.0.0.1:9091`
 * @throws ERR_IO when it does not take them; the run is not touched by that
 */
export async function pushMetrics(run: Run, gateway: string, options: PushOptions = {}): Promise<void> {
  const { job = 'spillway', labels = {} } = options;
  const grouping = Object.entries({ job, ...labels }).map(([name, value]) => `${name}/${encodeURIComponent(value)}`);
  const url = `${gateway.replace(/\/+$/, '')}/metrics/${grouping.join('/')}`;
  const { type, text } = await prometheusText(run.metrics());
  let why: string;
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const answer = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body: text, signal });
    why = answer.ok ? '' : `it answered ${answer.status}: ${(await answer.text()).trim().slice(0, 200)}`;
  } catch (error) {
    why = error instanceof Error ? String((error.cause as Error | undefined)?.message ?? error.message) : String(error);
  }
  if (why === '') return;
  throw new PipelineError('ERR_IO', `metrics could not be pushed to ${gateway}: ${why}`, {
    hint: 'check that a Pushgateway listens there; a run that has ended keeps its metrics, so push again',
  });
}

/**
 * Writes what a run's metrics are now into a file for the node exporter's textfile collector, whole or not at all.
 *
 * @param path ends in `.prom` for the collector to read it
 * @throws ERR_IO when the file cannot be written
 */
export async function writeMetrics(run: Run, path: string, options: PushOptions = {}): Promise<void> {
  const { job = 'spillway', labels = {} } = options;
  const { text } = await prometheusText(run.metrics(), { job, ...labels });
  // The collector reads names that end in .prom alone.
  const aside = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(aside, text);
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw new PipelineError('ERR_IO', `metrics could not be written: ${(error as Error).message}`, {
      file: path,
      cause: error,
      hint: 'give a path in a folder that exists and can be written to',
    });
  }
}
