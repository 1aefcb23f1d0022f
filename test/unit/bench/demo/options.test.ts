import { readOptions, UsageError } from '@spillway/bench/demo/options';
import { describe, expect, it } from 'vitest';

describe("the demo's command line", () => {
  it('has defaults for everything', () => {
    expect(readOptions([])).toMatchObject({ memoryLimitBytes: 256 * 2 ** 20, workers: 2, isJson: false });
  });

  it('takes the options of a run', () => {
    const options = readOptions(['--memory-limit', '128MiB', '--workers=1', '--json', '--store', '/tmp/x y']);
    expect(options).toMatchObject({ memoryLimitBytes: 128 * 2 ** 20, workers: 1, isJson: true, storePath: '/tmp/x y' });
  });

  it.each([
    [['--memory-limt', '1GiB'], 'did you mean --memory-limit?'],
    [['--memory-limit', 'lots'], 'a size such as 128MiB, not "lots"'],
    [['--memory-limit'], 'needs a value'],
    [['--workers', '0'], 'whole number from 1 to 64'],
    [['--zzz'], 'options are --memory-limit'],
    [['flights'], 'nothing is to be named here'],
  ])('refuses %j, saying what to write instead', (args, message) => {
    expect(() => readOptions(args)).toThrow(UsageError);
    expect(() => readOptions(args)).toThrow(message);
  });
});
