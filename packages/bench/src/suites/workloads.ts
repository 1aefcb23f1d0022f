/** Every workload by its name, with its sizes. */
import type { Figure } from '../measure/figure.ts';
import { aggregateSharedRows } from './aggregate-shared.ts';
import type { Asked } from './asked.ts';
import { eventsThroughCascade } from './cascade.ts';
import { columnsFromFiles } from './columns-from-files.ts';
import { columnsToFiles } from './columns-to-files.ts';
import { csvToStore } from './csv-to-store.ts';
import { flightsFromParquet } from './flights.ts';
import { joinShared } from './joined-shared.ts';
import { aggregateByKey } from './keyed-shared.ts';
import { manyFiles } from './many-files.ts';
import { marketAtLimit } from './market-at-limit.ts';
import { partitionsOnDask } from './on-dask.ts';
import { governorOverhead } from './overhead.ts';
import { pinned } from './pinned.ts';
import { aggregateFiles } from './series-files.ts';
import { stageHop } from './stage-hop.ts';
import { startUp } from './start-up.ts';
import { mergeIntoStore } from './store-merge.ts';
import { readOneDay } from './store-range.ts';
import { costOfWatching } from './watching.ts';

export interface Workload {
  /** Rows in the design, where they count; a tenth of them without `--full`. */
  rows?: number;
  /** Further sizes of a full bench, as shares of `rows`, for how time grows: the smallest is hardly more than starting. */
  shares?: readonly number[];
  /** Not one of the design's: measured when it is named. */
  isExtra?: true;
  run(asked: Asked): Promise<Figure[]>;
}

const ROUNDS = 5;
/** The cascade has no left-overs, which streamz would lose. */
const EVENTS_A_CASCADE = 6;
const GROWTH = [1 / 10_000, 1 / 100, 1 / 10] as const;

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  W1: { rows: 50_000_000, shares: GROWTH, run: aggregateSharedRows },
  W2a: { rows: 50_000_000, shares: GROWTH, run: (asked) => aggregateFiles(asked, 'own') },
  W2b: { rows: 50_000_000, shares: GROWTH, run: (asked) => aggregateFiles(asked, 'foreign') },
  W3: { rows: 140_000_000, shares: GROWTH, run: csvToStore },
  W4: { rows: 10_000_000, shares: [...GROWTH, 10], run: joinShared },
  W5: { run: marketAtLimit },
  W6: { rows: 10_000_000, shares: [...GROWTH, 10], run: aggregateByKey },
  W7: {
    rows: 60_000,
    shares: [...GROWTH, 10],
    run: async (asked) => [
      ...(await eventsThroughCascade(asked, Math.ceil(asked.rows / EVENTS_A_CASCADE) * EVENTS_A_CASCADE)),
      ...(asked.isAlone ? [] : await stageHop()),
    ],
  },
  W8: { rows: 50_000_000, run: async (asked) => pinned(asked) },
  W9: { run: () => startUp(2 * ROUNDS) },
  flights: { isExtra: true, run: ({ threads }) => flightsFromParquet(threads, ROUNDS) },
  columns: {
    rows: 10_000_000,
    isExtra: true,
    run: async ({ rows, threads }) => [
      ...(await columnsFromFiles(rows, threads, ROUNDS)),
      ...(await columnsToFiles(rows, threads, ROUNDS)),
    ],
  },
  files: { rows: 26_700_000, isExtra: true, run: manyFiles },
  'store-merge': {
    rows: 50_000_000,
    isExtra: true,
    run: ({ rows, isFull, threads, dataFolder }) => mergeIntoStore(rows, threads, isFull ? 3 : ROUNDS, dataFolder),
  },
  'store-range': { rows: 50_000_000, isExtra: true, run: ({ rows, threads }) => readOneDay(rows, threads, ROUNDS) },
  watching: { rows: 50_000_000, isExtra: true, run: ({ rows, threads }) => costOfWatching(rows, threads) },
  dask: { rows: 20_000_000, isExtra: true, run: partitionsOnDask },
  overhead: { rows: 50_000_000, isExtra: true, run: ({ rows, threads }) => governorOverhead(rows, threads) },
};
