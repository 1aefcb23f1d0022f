import { configDefaults, defineConfig } from 'vitest/config';

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
  interop: ['interop/python-environment.ts', 'interop/oups-environment.ts'],
  browser: ['browser/chromium.ts'],
};

export default defineConfig(({ mode }) => ({
  test: {
    env: { SPILLWAY_SUITE: mode },
    include: INCLUDED[mode] ?? ['**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'dist/**'],
    globalSetup: ['support/build-once.ts', ...(PREPARED[mode] ?? [])],
    reporters: ['default', './support/last-line-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: mode === 'soak' ? 600_000 : mode === 'interop' ? 300_000 : 60_000,
    hookTimeout: 60_000,
  },
}));
