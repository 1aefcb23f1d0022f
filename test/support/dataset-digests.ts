/** What the datasets of a store hold, by their paths in it. */
import { createPipeline, readStore, type Store } from '@spillway/core';
import { run } from '@spillway/workers';
import { digestTable } from './digest.ts';

/** Digests of all rows, in order, with schema. */
export async function datasetDigests(store: Store): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const key of await store.datasets()) {
    const sink = createPipeline({ memoryLimit: '256MiB' })
      .source(readStore(await store.dataset(key)))
      .collect();
    digests[JSON.stringify(key)] = digestTable(await run(sink, { workers: 1 }).table(sink));
  }
  return digests;
}
