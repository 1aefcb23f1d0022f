import { configDefaults, defineConfig, type TestProjectConfiguration } from 'vitest/config';

/**
 * Tests import built files only: workers cannot load anything else, and what ships is what is tested. The build runs
 * once, before the first test. `--mode soak` runs the long ones (`*.soak.ts`) instead, `--mode interop` those with programs of
 * others (`*.interop.ts`), `--mode browser` those in a browser (`*.browser.ts`).
 */
const INCLUDED: Record<string, string[]> = {
  soak: ['**/*.soak.ts'],
  interop: ['**/*.interop.ts'],
  browser: ['**/*.browser.ts'],
};
/** What has to be there before the first test of a mode. */
const PREPARED: Record<string, string[]> = {
  interop: ['interop/python-environment.ts', 'interop/oups-environment.ts', 'interop/dask-environment.ts'],
  browser: ['browser/chromium.ts'],
};

/** They look at the memory, threads and slabs of their process. */
const OF_A_PROCESS = [
  'e2e/{memory,workers}/**/*.test.ts',
  'e2e/leaks.test.ts',
  'faults/**/*.test.ts',
  'unit/workers/governor/collector.test.ts',
];

/**
 * The plain suite in two: most files share a process, since a third of the time of unit tests went into starting one for each and
 * loading the engine again; those that look at their process have one each.
 */
const PLAIN: TestProjectConfiguration[] = [
  {
    extends: true,
    test: {
      name: 'shared',
      include: ['**/*.test.ts'],
      exclude: [...configDefaults.exclude, 'dist/**', ...OF_A_PROCESS],
      isolate: false,
    },
  },
  { extends: true, test: { name: 'apart', include: OF_A_PROCESS } },
];

export default defineConfig(({ mode }) => ({
  test: {
    // Runs of tests leave nothing at home.
    env: { SPILLWAY_SUITE: mode, SPILLWAY_HISTORY: 'off' },
    ...(mode in INCLUDED ? { include: INCLUDED[mode] as string[] } : { projects: PLAIN }),
    exclude: [...configDefaults.exclude, 'dist/**'],
    globalSetup: ['support/build-once.ts', ...(PREPARED[mode] ?? [])],
    reporters: ['default', './support/last-lines-reporter.ts'],
    // What is built is loaded as it is: transformed, it would be another program, and its text would count in the memory of a run.
    server: { deps: { external: [/\/packages\/(?:core|workers)\/dist\//] } },
    pool: 'forks',
    maxWorkers: 2,
    // Nothing is known from how long something takes where other programs have the cores: these are for what would never end.
    testTimeout: mode in INCLUDED ? 600_000 : 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 120_000 } },
  },
}));
