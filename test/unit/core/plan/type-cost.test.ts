import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const TESTS = fileURLToPath(new URL('../../../', import.meta.url));

/** Types that the compiler makes for a pipeline, which is what its time goes by: some 200,000 are a second. */
it('thirty steps cost the compiler little', () => {
  // Beside the sources, so that packages are found.
  const folder = join(TESTS, 'dist', 'type-cost');
  mkdirSync(folder, { recursive: true });
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const config = {
    extends: join(TESTS, 'tsconfig.json'),
    compilerOptions: { composite: false, incremental: false, noEmit: true, skipLibCheck: true, rootDir: TESTS },
    include: [],
    files: [join(TESTS, 'types', 'thirty-steps.ts')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(TESTS, '..', 'node_modules', 'typescript', 'bin', 'tsc');
  const told = execFileSync(process.execPath, [tsc, '-p', folder, '--extendedDiagnostics'], { encoding: 'utf8' });
  expect(Number(/Instantiations:\s+(\d+)/.exec(told)?.[1])).toBeLessThan(100_000);
});
