/** Each kind of fault once, in jobs on a real cluster; `test:soak -- dask` has forty, drawn anew every time. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestCluster } from '../support/dask-cluster.ts';
import { type DaskFault, digestsOf, healthyDigests, runWithFaults } from '../support/dask-faults.ts';
import { seededRandom } from '../support/random.ts';
import { sharedFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { type DaskPython, daskPythons } from './dask-environment.ts';

const [{ python }] = daskPythons() as [DaskPython, ...DaskPython[]];

describe('a job on a cluster: each row once, nothing left behind', () => {
  const folder = sharedFolder();
  let cluster: TestCluster;
  let healthy: Record<string, string>;
  beforeAll(async () => {
    cluster = await TestCluster.start({ python, workers: 2, areKept: true, folder: join(folder, 'dask') });
    healthy = await healthyDigests(join(folder, 'healthy'));
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  test.each<[DaskFault, DaskFault, DaskFault]>([
    ['node', 'torn', 'scheduler'],
    ['worker', 'coordinator', 'memory'],
  ])('%s, %s, %s', async (...faults) => {
    const [store, sharedPath, scratch] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
    const said = await runWithFaults(
      { cluster, python, store, sharedPath, scratch, partitions: 12 },
      faults,
      seededRandom(),
    );
    expect(await digestsOf(store), said).toEqual(healthy);
  });
});
