import { writeFileSync, writeSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

interface Failure {
  /** Relative to the folder of the tests; `-` where no file is to blame. */
  file: string;
  /** With the names of the suites around it; in parentheses where it is no test. */
  test: string;
  /** The first line of it. */
  error: string;
}

interface Counts {
  passed: number;
  skipped: number;
  failures: Failure[];
}

/** The start of what went wrong as plain text of one line, so that it can be a cell of a table. */
function firstLine(text: string): string {
  return stripVTControlCharacters(text).trim().split('\n', 1)[0]?.replaceAll('\t', ' ').slice(0, 300) ?? '';
}

function failure(file: string, test: string, errors: readonly SerializedError[]): Failure {
  return { file, test: firstLine(test), error: firstLine(errors[0]?.message ?? 'it does not say why') };
}

/** A file that could not be loaded, or a hook that failed, has no test to fail: each counts as one failure itself. */
function failuresOf(module: TestModule): Failure[] {
  const file = module.relativeModuleId;
  const failures: Failure[] = [];
  if (module.errors().length > 0) failures.push(failure(file, '(the file)', module.errors()));
  for (const suite of module.children.allSuites())
    if (suite.errors().length > 0) failures.push(failure(file, `(around) ${suite.fullName}`, suite.errors()));
  for (const test of module.children.allTests()) {
    const { state, errors } = test.result();
    if (state === 'failed') failures.push(failure(file, test.fullName, errors));
  }
  if (failures.length === 0 && module.state() === 'failed') failures.push(failure(file, '(the file)', []));
  return failures;
}

/**
 * Prints a line for each failed test and then `N passed, N failed, N skipped` as the very last lines, whatever the other reporters say,
 * and on every path: often only the end of an output is kept. Where `SPILLWAY_FAILURES` names a file, it gets the failures as lines of
 * file, test and error with tabs between them.
 */
export default class LastLinesReporter implements Reporter {
  #counts: Counts = { passed: 0, skipped: 0, failures: [] };

  onInit(): void {
    process.once('exit', (exitCode) => {
      const { passed, skipped, failures } = this.#counts;
      // A run that failed without a failed test (a broken build, no test found) is a failure too.
      if (exitCode !== 0 && failures.length === 0)
        failures.push({ file: '-', test: '(the run)', error: `exit code ${exitCode}, see above` });
      for (const { file, test, error } of failures) writeSync(1, `FAILED ${file} > ${test}: ${error}\n`);
      writeSync(1, `${passed} passed, ${failures.length} failed, ${skipped} skipped\n`);
      const table = process.env.SPILLWAY_FAILURES;
      if (table !== undefined)
        writeFileSync(table, failures.map(({ file, test, error }) => `${file}\t${test}\t${error}\n`).join(''));
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const counts: Counts = { passed: 0, skipped: 0, failures: [] };
    for (const module of modules) {
      counts.failures.push(...failuresOf(module));
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') counts.passed += 1;
        else if (state !== 'failed') counts.skipped += 1;
      }
    }
    counts.failures.push(...unhandled.map((error) => failure('-', '(outside any test)', [error])));
    this.#counts = counts;
  }
}
