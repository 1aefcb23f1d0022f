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

/**
 * The plain suite in two: files of unit tests share a process, since a third of their time went into starting one for each and
 * loading the engine again; those of whole runs have one each, since they look at its memory, threads and slabs.
 */
const PLAIN: TestProjectConfiguration[] = [
  { extends: true, test: { name: 'unit', include: ['unit/**/*.test.ts'], isolate: false } },
  { extends: true, test: { name: 'whole', include: ['!(unit)/**/*.test.ts'] } },
];

export default defineConfig(({ mode }) => ({
  test: {
    // Runs of tests leave nothing at home.
    env: { SPILLWAY_SUITE: mode, SPILLWAY_HISTORY: 'off' },
    ...(mode in INCLUDED ? { include: INCLUDED[mode] as string[] } : { projects: PLAIN }),
    exclude: [...configDefaults.exclude, 'dist/**'],
    globalSetup: ['support/build-once.ts', ...(PREPARED[mode] ?? [])],
    reporters: ['default', './support/last-line-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: mode === 'soak' ? 600_000 : mode === 'interop' ? 300_000 : 60_000,
    hookTimeout: 60_000,
    // A second is little where other programs have the cores.
    expect: { poll: { timeout: 10_000 } },
  },
}));
