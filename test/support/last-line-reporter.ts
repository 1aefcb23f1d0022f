import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** A file that could not be loaded has no test to fail: it counts as one failure itself. */
function countModule(module: TestModule, counts: Counts): void {
  let failedTests = 0;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed') counts.passed += 1;
    else if (state === 'failed') failedTests += 1;
    else counts.skipped += 1;
  }
  counts.failed += module.state() === 'failed' ? Math.max(1, failedTests) : failedTests;
}

/** Prints `N passed, N failed, N skipped` as the very last line, whatever the other reporters say, and on every path. */
export default class LastLineReporter implements Reporter {
  #counts: Counts = { passed: 0, failed: 0, skipped: 0 };

  onInit(): void {
    process.once('exit', (exitCode) => {
      const { passed, failed, skipped } = this.#counts;
      // A run that failed without a failed test (a broken build, no test found) is a failure too.
      const failures = exitCode === 0 ? failed : Math.max(1, failed);
      writeSync(1, `${passed} passed, ${failures} failed, ${skipped} skipped\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const counts: Counts = { passed: 0, failed: unhandled.length, skipped: 0 };
    for (const module of modules) countModule(module, counts);
    this.#counts = counts;
  }
}
