/** What the guide tells users of Dask, as it is written there. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type DaskPython, daskPythons } from './dask-environment.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = readFileSync(join(root, 'docs', 'guides', 'dask.md'), 'utf8');
const [{ python }] = daskPythons() as [DaskPython, ...DaskPython[]];
const workers = dirname(createRequire(import.meta.url).resolve('@spillway/workers/package.json'));
const SPILLWAY = join(workers, 'bin', 'spillway.js');

function example(name: string): string {
  const found = new RegExp(`<!-- example: ${name} -->\n\`\`\`\\w+\n([^]*?)\`\`\``).exec(guide)?.[1];
  if (found === undefined) throw new Error(`the guide has no example "${name}"`);
  return found;
}

function runIn(cwd: string, command: string, args: string[]): string {
  const env = { ...process.env, SPILLWAY_PYTHON: python, PYTHONPATH: join(workers, 'python'), TMPDIR: cwd };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', env });
  expect(status, stderr).toBe(0);
  return stdout;
}

/** Two files of ticks, one a minute. */
function writeTicks(folder: string): void {
  mkdirSync(join(folder, 'ticks'));
  for (const day of [1, 2]) {
    const rows = Array.from({ length: 1440 }, (_, minute) => {
      const time = new Date(Date.UTC(2024, 0, day, 0, minute)).toISOString().slice(0, -1);
      return `${time},${day}.5,${minute}`;
    });
    writeFileSync(join(folder, 'ticks', `${day}.csv`), ['ts,price,qty', ...rows].join('\n'));
  }
}

test('the guide: a job on a cluster of this machine, its store as a Dask dataframe, and that into a store', () => {
  const folder = temporaryFolder();
  writeTicks(folder);
  // Beside the packages, so that it finds them as an installed program does.
  const program = join(root, 'test', 'dist', `dask-guide-${process.pid}.mjs`);
  writeFileSync(program, example('run on a cluster'));
  onTestFinished(() => void spawnSync('rm', ['-f', program]));
  expect(runIn(folder, process.execPath, [program])).toContain('rowsIn: 2880');

  const script = join(folder, 'read.py');
  writeFileSync(script, `${example('read a store')}\nprint(len(ticks))\n${example('write a store')}`);
  const volume = 2 * ((1439 * 1440) / 2);
  expect(runIn(folder, python, [script]).trim().split('\n')).toEqual([String(volume), '48']);

  const ingest = /^spillway (ingest .*)$/m.exec(guide)?.[1]?.replaceAll("'", '').split(' ') as string[];
  runIn(folder, process.execPath, [SPILLWAY, ...ingest, '--quiet']);
  const rows = (store: string): string =>
    runIn(folder, process.execPath, [SPILLWAY, 'cat', store, 'freq=1h', '--columns', 'ts,open,volume']);
  expect(rows('copies')).toBe(rows('market'));
});

test('the files of a version are those of its rows, in their order', () => {
  const folder = temporaryFolder();
  const write = (name: string, from: number): void => {
    const rows = Array.from({ length: 100 }, (_, row) => `${from + row},${name}`);
    writeFileSync(join(folder, name), ['t,file', ...rows].join('\n'));
    const target = ['--store', 'store', '--key', 'a=b', '--ordered-on', 't', '--row-group', '30', '--quiet'];
    runIn(folder, process.execPath, [SPILLWAY, 'ingest', name, ...target]);
  };
  write('late.csv', 1000);
  write('early.csv', 0);
  write('middle.csv', 1050);
  const script = [
    'import dask.dataframe as dd',
    'import pandas as pd',
    'from spillway_dask.store import dataset_files',
    'for version in (0, 1, None):',
    '    t = dd.from_map(pd.read_parquet, dataset_files("store/a=b", version))["t"].compute().tolist()',
    '    print(len(t), t == sorted(t), t[0], t[-1])',
    'files = dataset_files("store/a=b")',
    'print(len(dd.read_parquet(files)), len(files) > 5)',
  ];
  writeFileSync(join(folder, 'read.py'), script.join('\n'));
  expect(runIn(folder, python, ['read.py']).trim().split('\n')).toEqual([
    '100 True 1000 1099',
    '200 True 0 1099',
    '300 True 0 1149',
    '300 True',
  ]);
});
