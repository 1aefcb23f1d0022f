/** Taking datasets of a store of the Python library OUPS over into a store of ours. */
import { join } from 'node:path';
import type { RecordBatch } from 'apache-arrow';

import { PipelineError } from '../../errors.ts';
import { throwIfStopped } from '../../formats/file-error.ts';
import type { FieldSpec, Shape } from '../../schema/types.ts';
import type { WriteMode } from '../commit/commit-contract.ts';
import { type DatasetKey, showKey } from '../keys/key-path.ts';
import type { Store } from '../store.ts';
import type { OupsTransfer } from './export-oups.ts';
import { toTexts } from './oups-metadata.ts';
import { type OpenOupsOptions, type OupsDataset, OupsStore, openOupsStore } from './oups-store.ts';

/** Options of `importOups`. */
export interface ImportOupsOptions extends OpenOupsOptions {
  /** Only datasets with these values in their keys. Default: all. */
  match?: DatasetKey;
  /** What happens to datasets that are there already. Default: they are refused, before anything is written. */
  mode?: WriteMode;
  /** Stops between two batches; datasets that are taken over stay, of the one at work nothing does. */
  signal?: AbortSignal;
  /** Called when a dataset is taken over. */
  onDataset?: (transfer: OupsTransfer) => void;
}

function shapeOf(fields: readonly FieldSpec[]): Shape {
  return Object.fromEntries(fields.map(({ name, type }) => [name, type]));
}

async function* rowsOf(dataset: OupsDataset, signal: AbortSignal | undefined): AsyncGenerator<RecordBatch> {
  for await (const batch of dataset.read()) {
    throwIfStopped(signal, dataset.path);
    yield batch;
  }
}

async function importDataset(
  dataset: OupsDataset,
  store: Store,
  mode: WriteMode,
  signal: AbortSignal | undefined,
): Promise<OupsTransfer> {
  const { key, orderedOn, fields, metadata, objects } = dataset;
  const summary = await store.write(key, rowsOf(dataset, signal), {
    schema: shapeOf(fields),
    orderedOn,
    mode,
    metadata: toTexts(metadata),
  });
  const { files: rowGroups, rows } = summary;
  return { key, path: join(store.root, store.pathOf(key)), rows, rowGroups, objects };
}

/** See `importOups` in `deferred.ts`. */
export async function importOups(
  from: string | OupsStore,
  store: Store,
  options: ImportOupsOptions = {},
): Promise<OupsTransfer[]> {
  const { match, mode, signal, onDataset, ...opening } = options;
  const source = from instanceof OupsStore ? from : await openOupsStore(from, opening);
  const datasets: OupsDataset[] = [];
  for (const key of await source.datasets(match)) {
    const dataset = await source.dataset(key);
    // A dataset of nothing has no columns either.
    if (dataset.rowGroups.length === 0) continue;
    if (mode === undefined && (await store.has(key))) {
      throw new PipelineError('ERR_STORE_CONFLICT', `${store.root} has a dataset ${showKey(key)} already`, {
        file: join(store.root, store.pathOf(key)),
        hint: "say what to do with it: mode 'overwrite', 'merge' or 'append'",
      });
    }
    datasets.push(dataset);
  }
  const taken: OupsTransfer[] = [];
  for (const dataset of datasets) {
    throwIfStopped(signal, dataset.path);
    const transfer = await importDataset(dataset, store, mode ?? 'append', signal);
    taken.push(transfer);
    onDataset?.(transfer);
  }
  return taken;
}
