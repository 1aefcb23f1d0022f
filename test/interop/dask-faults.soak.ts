/** Forty faults on real clusters, six or seven of each kind, four to a job, at random times. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { TestCluster } from '../support/dask-cluster.ts';
import { DASK_FAULTS, type DaskFault, digestsOf, healthyDigests, runWithFaults } from '../support/dask-faults.ts';
import { type SeededRandom, seededRandom } from '../support/random.ts';
import { sharedFolder, temporaryFolder } from '../support/temporary-folder.ts';
import prepareDask, { daskPythons } from './dask-environment.ts';

const JOBS = 10;
const FAULTS_OF_A_JOB = 4;

/** The next four kinds in turn, in any order. */
function faultsOf(job: number, random: SeededRandom): DaskFault[] {
  const first = job * FAULTS_OF_A_JOB;
  return Array.from({ length: FAULTS_OF_A_JOB }, (_, at) => ({
    fault: DASK_FAULTS[(first + at) % DASK_FAULTS.length] as DaskFault,
    place: random.next(),
  }))
    .sort((a, b) => a.place - b.place)
    .map(({ fault }) => fault);
}

prepareDask();
const pythons = daskPythons();

describe(`${JOBS * FAULTS_OF_A_JOB} faults: each row once, nothing left behind`, () => {
  const folder = sharedFolder();
  let healthy: Record<string, string>;
  beforeAll(async () => {
    healthy = await healthyDigests(join(folder, 'healthy'));
  });

  test.each(Array.from({ length: JOBS }, (_, job) => job))('job %i', async (number) => {
    const random = seededRandom();
    const faults = faultsOf(number, random);
    const { name, python } = pythons[number % pythons.length] as (typeof pythons)[number];
    const [store, sharedPath, scratch] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
    await using cluster = await TestCluster.start({ python, workers: 2, areKept: true, folder: temporaryFolder() });
    const partitions = random.integer(2, 24);
    const said = await runWithFaults({ cluster, python, store, sharedPath, scratch, partitions }, faults, random);
    const place = `${faults.join(', ')}; ${partitions} partitions; distributed of ${name}`;
    expect(await digestsOf(store), `${place}\n${said}`).toEqual(healthy);
    process.stdout.write(`job ${number}: ${place}; ${said.split('\nagain: ').length - 1} attempts again\n`);
  });
});
