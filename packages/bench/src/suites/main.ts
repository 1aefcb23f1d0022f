/** `npm run bench`: every workload in turns with its peer, results checked for equality first; a table and, if asked, JSON. */
import { writeFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { nameHint } from '@spillway/core/internal';
import { textTable } from '../demo/text-table.ts';
import { aggregateSharedRows } from './aggregate-shared.ts';
import { columnsFromFiles } from './columns-from-files.ts';
import { columnsToFiles } from './columns-to-files.ts';
import { type Figure, meetsTarget, targetText } from './figure.ts';
import { flightsFromParquet } from './flights.ts';
import { joinShared } from './joined-shared.ts';
import { aggregateByKey } from './keyed-shared.ts';
import { marketAtLimit } from './market-at-limit.ts';
import { governorOverhead } from './overhead.ts';
import { pinned } from './pinned.ts';
import { stageHop } from './stage-hop.ts';
import { startUp } from './start-up.ts';
import { mergeIntoStore } from './store-merge.ts';
import { readOneDay } from './store-range.ts';

const USAGE = `npm run bench -- [--only W1,W7,...] [--rows N] [--full] [--data DIR] [--json FILE]

  --only LIST   workloads: flights, columns, W1, W4, W5, W6, W7, W8, W9, store-merge, store-range, overhead (default all)
  --rows N      rows of W1, W8 and overhead (default 50000000); columns, W4 and W6 take a fifth of it, store-merge
                and store-range a twenty-fifth
  --full        store-merge and store-range on all rows; W5 on its four days: some minutes to make, 2 GB of files, and as much again while it runs
  --data DIR    where the files of W5, and the peers' Python, are kept for the next time (default: made afresh, removed at the end)
  --json FILE   write the figures and what they were measured on`;

const WORKERS = 2;
const ROUNDS = 5;

interface Asked {
  rows: number;
  isFull: boolean;
  dataFolder: string | undefined;
}

const WORKLOADS: Record<string, (asked: Asked) => Promise<Figure[]>> = {
  flights: () => flightsFromParquet(WORKERS, ROUNDS),
  columns: async ({ rows }) => [
    ...(await columnsFromFiles(rows / 5, WORKERS, ROUNDS)),
    ...(await columnsToFiles(rows / 5, WORKERS, ROUNDS)),
  ],
  W1: ({ rows }) => aggregateSharedRows(rows, WORKERS, ROUNDS),
  W4: ({ rows, dataFolder }) => joinShared(rows / 5, WORKERS, ROUNDS, dataFolder),
  W5: ({ isFull, dataFolder }) => marketAtLimit(isFull, dataFolder),
  W6: ({ rows, dataFolder }) => aggregateByKey(rows / 5, WORKERS, ROUNDS, dataFolder),
  W7: () => stageHop(),
  W8: async ({ rows }) => pinned(rows, ROUNDS),
  W9: () => startUp(ROUNDS),
  'store-merge': ({ rows, isFull, dataFolder }) =>
    mergeIntoStore(isFull ? rows : rows / 25, WORKERS, isFull ? 3 : ROUNDS, dataFolder),
  'store-range': ({ rows, isFull }) => readOneDay(isFull ? rows : rows / 25, WORKERS, ROUNDS),
  overhead: ({ rows }) => governorOverhead(rows, WORKERS),
};

function figureCells(figure: Figure): string[] {
  const { workload, what, ours, unit, peer, ratio } = figure;
  const amount = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`;
  const met = meetsTarget(figure);
  return [
    workload,
    what,
    amount(ours),
    peer === undefined ? '' : `${amount(peer.value)} (${peer.name})`,
    ratio === undefined ? '' : `${ratio.toFixed(2)} ×`,
    targetText(figure),
    met === undefined ? '' : met ? 'yes' : 'no',
  ];
}

function printTable(figures: readonly Figure[]): void {
  const titles = ['', 'workload', 'ours', 'peer', 'ratio', 'goal', 'met'];
  const columns = titles.map((title, i) => ({ title, align: i < 2 ? ('left' as const) : ('right' as const) }));
  console.log(textTable(columns, figures.map(figureCells)));
}

function machine(): Record<string, unknown> {
  return {
    node: process.version,
    platform: platform(),
    arch: arch(),
    cores: cpus().length,
    cpu: cpus()[0]?.model,
    memoryBytes: totalmem(),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rows: { type: 'string', default: '50000000' },
      full: { type: 'boolean', default: false },
      data: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return console.log(USAGE);
  const names = values.only?.split(',') ?? Object.keys(WORKLOADS);
  const figures: Figure[] = [];
  for (const name of names) {
    const workload = WORKLOADS[name];
    if (workload === undefined) throw new Error(`no workload "${name}": ${nameHint(name, Object.keys(WORKLOADS))}`);
    console.error(`${name} …`);
    figures.push(...(await workload({ rows: Number(values.rows), isFull: values.full, dataFolder: values.data })));
  }
  printTable(figures);
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ machine: machine(), figures }, null, 2)}\n`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
