/** `npm run bench`: workloads in turns with their peers, results checked for equality first; a table, JSON, and a page of charts. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { nameHint } from '@spillway/core/internal';
import { environment } from '../measure/environment.ts';
import type { Figure } from '../measure/figure.ts';
import { type Hardware, measureHardware, UNMEASURED } from '../measure/hardware.ts';
import { changesOf, changesText } from '../report/against.ts';
import { chartsPage } from '../report/page.ts';
import { withReadmeTable } from '../report/readme-table.ts';
import { type Results, readResults } from '../report/results.ts';
import { resultsText } from '../report/tables.ts';
import type { Asked } from './asked.ts';
import { profileWorkload } from './profile.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

// Runs that are measured leave no records, neither here nor in the processes that are started.
process.env['SPILLWAY_HISTORY'] = 'off';

const extra = Object.keys(WORKLOADS).filter((name) => WORKLOADS[name]?.isExtra);
const USAGE = `npm run bench -- [WORKLOAD...] [--full] [--peers] [options]

Workloads: ${Object.keys(WORKLOADS).join(', ')}.
Without names all of the design's; not ${extra.join(', ')}.

  --full          the design's sizes, and smaller ones for how time grows (default: a tenth of them, DuckDB beside)
  --peers         also the peers that have to be installed: Polars, nodejs-polars, arquero, streamz, OUPS
  --rows N        another size of all workloads that have rows
  --against FILE  how figures have changed since an earlier results.json
  --profile       profiles of the threads, and flame graphs, of our side alone
  --alone         our side alone, nothing compared
  --data DIR      where peers' libraries and large files are kept for the next time (default: made afresh, removed at the end)
  --out DIR       where results.json, charts.html and profiles are written (default ./bench-results)
  --from FILE     no measurement: the table and charts of an earlier results.json
  --readme FILE   write the table between its marks in this file too`;

const THREADS = 2;
/** What the turns of one comparison may take. */
const BUDGET_MS = { small: 5000, full: 20_000 } as const;

const OPTIONS = {
  full: { type: 'boolean', default: false },
  peers: { type: 'boolean', default: false },
  rows: { type: 'string' },
  against: { type: 'string' },
  profile: { type: 'boolean', default: false },
  alone: { type: 'boolean', default: false },
  data: { type: 'string' },
  out: { type: 'string', default: 'bench-results' },
  from: { type: 'string' },
  readme: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

type Options = ReturnType<typeof parse>['values'];

function parse() {
  return parseArgs({ allowPositionals: true, options: OPTIONS });
}

function workloadOf(name: string): Workload {
  const workload = WORKLOADS[name];
  if (workload === undefined) throw new Error(`no workload "${name}": ${nameHint(name, Object.keys(WORKLOADS))}`);
  return workload;
}

function rowsOf({ rows = 0 }: Workload, options: Options): number {
  return options.rows === undefined ? rows / (options.full ? 1 : 10) : Number(options.rows);
}

async function measure(name: string, options: Options, hardware: Hardware, dataFolder: string): Promise<Figure[]> {
  const workload = workloadOf(name);
  const rows = rowsOf(workload, options);
  const asked: Asked = {
    rows,
    threads: THREADS,
    isFull: options.full,
    isAlone: options.alone,
    hasPeers: options.peers,
    dataFolder,
    hardware,
    budgetMs: options.full ? BUDGET_MS.full : BUDGET_MS.small,
  };
  const figures: Figure[] = [];
  // How time grows is measured of our side alone, at the whole size too.
  for (const share of options.full && workload.shares !== undefined ? [...workload.shares, 1] : [])
    figures.push(...(await workload.run({ ...asked, rows: rows * share, isAlone: true, budgetMs: BUDGET_MS.small })));
  figures.push(...(await workload.run(asked)));
  return figures;
}

async function measureAll(names: readonly string[], options: Options): Promise<Results> {
  const scratch = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const dataFolder = options.data === undefined ? scratch : resolve(options.data);
  try {
    mkdirSync(dataFolder, { recursive: true });
    const at = environment();
    const hardware = options.alone ? UNMEASURED : await measureHardware(THREADS, dataFolder);
    const figures: Figure[] = [];
    for (const name of names) {
      const startMs = performance.now();
      figures.push(...(await measure(name, options, hardware, dataFolder)));
      console.error(`${name}: ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
    }
    return { environment: at, hardware, figures };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Tables on standard output, the rest in files. */
function report(results: Results, options: Options): void {
  console.log(resultsText(results));
  if (options.against !== undefined) {
    const before = readResults(options.against);
    console.log(`\n${changesText(changesOf(results, before), before)}`);
  }
  if (options.readme !== undefined)
    writeFileSync(options.readme, withReadmeTable(readFileSync(options.readme, 'utf8'), results));
  if (options.alone) return;
  mkdirSync(options.out, { recursive: true });
  if (options.from === undefined)
    writeFileSync(join(options.out, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(options.out, 'charts.html'), chartsPage(results));
  console.log(`\n  ${join(options.out, 'results.json')}, ${join(options.out, 'charts.html')}`);
}

async function profileAll(names: readonly string[], options: Options): Promise<void> {
  const args = ['--alone'];
  for (const name of names) {
    const rows = rowsOf(workloadOf(name), options);
    const page = await profileWorkload(name, [...args, '--rows', String(rows)], resolve(options.out));
    console.log(`  ${page}`);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parse();
  if (values.help) return console.log(USAGE);
  if (values.from !== undefined) return report(readResults(values.from), values);
  const all = Object.keys(WORKLOADS).filter((name) => !WORKLOADS[name]?.isExtra);
  const names = positionals.length > 0 ? positionals : all;
  for (const name of names) workloadOf(name);
  if (values.profile) await profileAll(names, values);
  else report(await measureAll(names, values), values);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
