/** What is wrong with a cluster, told within seconds, with place and remedy, and nothing left behind. */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { col, createPipeline } from '@spillway/core';
import { runOnDask } from '@spillway/workers/dask';
import { describe, expect, test } from 'vitest';
import { made } from '#fixtures/random-ops';
import { childrenOf, TestCluster } from '../support/dask-cluster.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type DaskPython, daskPythons } from './dask-environment.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [{ python }] = daskPythons() as [DaskPython, ...DaskPython[]];

const plan = () => [
  createPipeline({ memoryLimit: '256MiB' }).source(made, { splits: 20, rows: 10 }).filter(col('value').gt(1)).collect(),
];

/** Fails with this, and leaves neither files nor processes. */
async function expectRefusal(options: object, refusal: object): Promise<void> {
  const sharedPath = temporaryFolder();
  const before = childrenOf(process.pid);
  const job = runOnDask(plan(), { scheduler: 'local', sharedPath, partitions: 4, python, workers: 1, ...options });
  await expect(job.done).rejects.toMatchObject(refusal);
  expect(readdirSync(sharedPath)).toEqual([]);
  expect(childrenOf(process.pid).filter((pid) => !before.includes(pid))).toEqual([]);
}

describe('a cluster that cannot be used', () => {
  test('no Python', () =>
    expectRefusal(
      { python: '/nowhere/python' },
      {
        code: 'ERR_DASK_PYTHON',
        message: expect.stringContaining('/nowhere/python'),
        hint: expect.stringContaining('install Python'),
      },
    ));

  test('a Python without distributed', () =>
    expectRefusal(
      { python: join(root, '.venv', 'bin', 'python') },
      { code: 'ERR_DASK_PYTHON', hint: expect.stringContaining('pip install distributed') },
    ));

  test('no scheduler at the address', () =>
    expectRefusal(
      { scheduler: 'tcp://127.0.0.1:9' },
      {
        code: 'ERR_DASK_SCHEDULER',
        message: expect.stringContaining('tcp://127.0.0.1:9'),
        hint: expect.stringContaining('dask scheduler'),
      },
    ));

  test('a shared path that is a file', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    await expect(runOnDask(plan(), { scheduler: 'local', sharedPath: file, python }).done).rejects.toMatchObject({
      code: 'ERR_DASK_SHARED_PATH',
      file,
    });
  });

  test('no Node on a worker', async () => {
    await using cluster = await TestCluster.start({ python, workers: 0, folder: temporaryFolder() });
    cluster.startWorker({ SPILLWAY_NODE: '/nowhere/node' });
    await expectRefusal(
      { scheduler: cluster.address },
      {
        code: 'ERR_DASK_WORKER',
        message: expect.stringMatching(/^worker tcp:\/\/127\.0\.0\.1:\d+: \/nowhere\/node cannot be started/),
        hint: expect.stringContaining('install Node'),
      },
    );
  });

  test('no engine on a worker', async () => {
    await using cluster = await TestCluster.start({ python, workers: 0, folder: temporaryFolder() });
    cluster.startWorker({ SPILLWAY_WORKER_ENTRY: '/nowhere/entry.js' });
    await expectRefusal(
      { scheduler: cluster.address },
      {
        code: 'ERR_DASK_WORKER',
        message: expect.stringContaining('/nowhere/entry.js'),
        hint: expect.stringContaining('@spillway/workers'),
      },
    );
  });

  test('a worker too small for the engine', () =>
    expectRefusal(
      { workerMemory: '200MiB', localWorkers: 1 },
      { code: 'ERR_MEMORY_MINIMUM', message: expect.stringMatching(/^worker tcp/) },
    ));

  test('an old version', () => {
    const check =
      'from spillway_dask.problems import check_versions as c\nfor v in VERSIONS:\n try: c(v)\n except Exception as e: print(e)';
    const of = (version: string) => ({ packages: { distributed: version } });
    const versions = [
      { scheduler: of('2022.11.1'), workers: {}, client: of('2026.8.0') },
      { scheduler: of('2026.8.0'), workers: { 'tcp://a:1': of('2021.1.0') }, client: of('2026.8.0') },
      { scheduler: of('2022.12.1+ds.1'), workers: { 'tcp://a:1': of('2026.8.0') }, client: of('2026.8.0') },
    ];
    const { stdout } = spawnSync(python, ['-c', check.replace('VERSIONS', JSON.stringify(versions))], {
      encoding: 'utf8',
      env: { ...process.env, PYTHONPATH: join(root, 'packages', 'workers', 'python') },
    });
    expect(stdout.trim().split('\n')).toEqual([
      'the scheduler has distributed 2022.11.1',
      'worker tcp://a:1 has distributed 2021.1.0',
    ]);
  });
});
