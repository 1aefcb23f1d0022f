import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '@spillway/core';
import { beforeEach, expect, it } from 'vitest';
import { type CommandOptions, type CommandResult, command } from '#support/command';
import { temporaryFolder } from '#support/temporary-folder';

let cwd: string;

beforeEach(async () => {
  cwd = temporaryFolder();
  const store = await openStore(join(cwd, 'market'));
  const schema = { ts: 'timestamp[us]', price: 'float64' } as const;
  for (const symbol of ['AAPL', 'MSFT'])
    await store.write({ symbol, freq: '1m' }, [{ ts: '2024-01-02T09:30', price: 1.5 }], { schema, orderedOn: 'ts' });
});

const run = (args: string[], options: CommandOptions = {}): Promise<CommandResult> =>
  command(args, { cwd, ...options });

it('goes there and back, telling of each dataset', async () => {
  const there = await run(['export-oups', 'market', 'python', '--keys', 'symbol,freq']);
  expect(there.code).toBe(0);
  expect(there.stdout).toContain('freq=1m,symbol=AAPL  1 row in 1 row group\n');
  expect(there.stderr).toContain(`2 datasets, 2 rows, are in ${join(cwd, 'python')}`);
  expect(existsSync(join(cwd, 'python', 'AAPL-1m_opdmd'))).toBe(true);
  const back = await run(['import-oups', 'python', 'again', '--keys', 'symbol,freq', '--json']);
  expect(JSON.parse(back.stdout)).toMatchObject({
    ok: true,
    rows: 2,
    datasets: [{ key: { symbol: 'AAPL', freq: '1m' } }, {}],
  });
  const { stdout } = await run(['cat', 'again', 'symbol=MSFT,freq=1m']);
  expect(stdout).toBe('ts,price\n2024-01-02T09:30:00.000000000,1.5\n');
});

it('says what would be written with --dry-run, and writes nothing', async () => {
  const { stdout } = await run(['export-oups', 'market', 'python', '--dry-run', '--match', 'symbol=AAPL']);
  expect(stdout).toBe('freq=1m,symbol=AAPL  would be written: 1 row in 1 row group\n');
  expect(existsSync(join(cwd, 'python'))).toBe(false);
  await run(['export-oups', 'market', 'python']);
  expect((await run(['import-oups', 'python', 'again', '--dry-run'])).stdout).toContain(
    'name=1m-MSFT  would be written: 1 row',
  );
  expect(existsSync(join(cwd, 'again'))).toBe(false);
});

it('refuses datasets that are there already, naming the option for them', async () => {
  await run(['export-oups', 'market', 'python', '--keys', 'symbol,freq']);
  const { code, stderr } = await run(['import-oups', 'python', 'market', '--keys', 'symbol,freq']);
  expect(code).toBe(1);
  expect(stderr).toContain('hint: say what to do with it: --mode overwrite, merge or append');
  expect(await run(['import-oups', 'python', 'market2', '--keys', 'symbol,freq', '--mode', 'merge'])).toMatchObject({
    code: 0,
  });
});

it('stops at Ctrl-C between two batches, and says how far it was', async () => {
  const { code, stderr } = await run(['export-oups', 'market', 'python'], { signal: AbortSignal.abort() });
  expect(code).toBe(130);
  expect(stderr).toContain('0 datasets written, nothing of the next');
});

it('names what a folder is that is no store of OUPS', async () => {
  const { code, stderr } = await run(['import-oups', 'market', 'again']);
  expect(code).toBe(1);
  expect(stderr).toContain('holds no dataset of OUPS');
});
