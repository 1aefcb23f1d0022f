/** Polars, in a Python of its own, as the peer of a benchmark: kept running for one measurement after the other. */
import { openPython, pythonScript, pythonWith } from './python.ts';

/** A Python with Polars in it. @throws when there is no Python, or nowhere to get Polars from */
export function pythonWithPolars(folder: string): Promise<string> {
  return pythonWith(folder, 'polars', ['polars']);
}

/** A process that has read tables into memory and runs queries. */
export interface PolarsProcess {
  version: string;
  /** Runs a query of `polars-child.py` once; gives its rows and how long it took in there. */
  run(query: string, ...args: unknown[]): Promise<{ ms: number; rows: (number | null)[][] }>;
  close(): Promise<void>;
}

/** Reads the Parquet files of a folder, `NAME.parquet` each, into memory. @throws as `pythonWithPolars` */
export async function openPolars(environment: string, tables: string, threads: number): Promise<PolarsProcess> {
  const python = await pythonWithPolars(environment);
  const child = await openPython(python, [pythonScript('polars-child.py'), tables], {
    POLARS_MAX_THREADS: String(threads),
  });
  return {
    version: child.greeting,
    run: async (...query) =>
      JSON.parse(await child.ask(JSON.stringify(query))) as Awaited<ReturnType<PolarsProcess['run']>>,
    close: () => child.close(),
  };
}
