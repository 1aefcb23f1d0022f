import { configDefaults, defineConfig } from 'vitest/config';

/**
 * Tests import built files only: workers cannot load anything else, and what ships is what is tested. The build runs
 * once, before the first test. `--mode soak` runs the long ones (`*.soak.ts`) instead.
 */
export default defineConfig(({ mode }) => ({
  test: {
    include: mode === 'soak' ? ['**/*.soak.ts'] : ['**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'dist/**'],
    globalSetup: ['support/build-once.ts'],
    reporters: ['default', './support/last-line-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: mode === 'soak' ? 600_000 : 60_000,
    hookTimeout: 60_000,
  },
}));
