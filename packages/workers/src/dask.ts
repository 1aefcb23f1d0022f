/** Pipelines on a Dask cluster. An entry of its own, so that runs without it do not load it. */
export type { DaskOptions } from './dask/dask-options.ts';
export { runOnDask } from './dask/dask-run.ts';
