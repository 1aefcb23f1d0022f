import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const PACKAGE = dirname(createRequire(import.meta.url).resolve('@spillway/workers/package.json'));
const WORKER = join(PACKAGE, 'dist', 'lib', 'partition-worker.js');
const ENGINE = new URL('../../../dist/fixtures/partition-engine.js', import.meta.url).href;

/** A worker's Node process, asked one thing after the other. */
class Asked {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor() {
    this.child = spawn(process.execPath, [WORKER, ENGINE], { stdio: ['pipe', 'pipe', 'ignore'] });
    onTestFinished(() => void this.child.kill('SIGKILL'));
    this.#reader = createInterface({ input: this.child.stdout as Readable });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async next(): Promise<unknown> {
    const { value } = await this.#lines.next();
    return JSON.parse(value as string);
  }

  async ask(request: object): Promise<unknown> {
    (this.child.stdin as Writable).write(`${JSON.stringify(request)}\n`);
    return this.next();
  }
}

async function started(): Promise<Asked> {
  const asked = new Asked();
  expect(await asked.next()).toEqual({ ready: process.version });
  return asked;
}

describe('the Node process of a worker', () => {
  test('runs a task, and leaves its record behind its files where somebody may go on with them; what ops print is no reply', async () => {
    const asked = await started();
    const output = join(temporaryFolder(), '0.1');
    const task = {
      step: 0,
      partition: 0,
      attempt: 1,
      plan: JSON.stringify({ text: 'x', times: 2 }),
      inputs: [],
      output,
    };
    const reply = await asked.ask({ kind: 'run', task, workers: 1 });
    expect(reply).toMatchObject({ result: { partition: 0, files: [{ bytes: 2 }] }, elapsedMs: expect.any(Number) });
    expect(existsSync(`${output}.result.json`)).toBe(true);
    const passing = { ...task, output: `${output}-passing`, isPassing: true };
    expect(await asked.ask({ kind: 'run', task: passing, workers: 1 })).toMatchObject({ result: { partition: 0 } });
    expect(existsSync(`${output}-passing.result.json`)).toBe(false);
  });

  test('says what a task failed with, as data, and goes on', async () => {
    const asked = await started();
    const marks = temporaryFolder();
    const plan = JSON.stringify({ text: 'x', times: 2, faults: ['refuse'], marks });
    const task = { step: 0, partition: 0, attempt: 1, plan, inputs: [], output: join(marks, '0.1') };
    expect(await asked.ask({ kind: 'run', task, workers: 1 })).toMatchObject({
      failed: { code: 'ERR_OP_FAILED', message: 'the op did not like it', hint: 'be kinder' },
    });
    expect(await asked.ask({ kind: 'run', task, workers: 1 })).toMatchObject({ result: { rows: 2 } });
  });

  test('tells of a full shared disk', async () => {
    const asked = await started();
    const marks = temporaryFolder();
    const plan = JSON.stringify({ text: 'x', times: 2, faults: ['full'], marks });
    const task = { step: 0, partition: 0, attempt: 1, plan, inputs: [], output: join(marks, '0.1') };
    expect(await asked.ask({ kind: 'run', task, workers: 1 })).toMatchObject({
      failed: { code: 'ERR_DASK_SHARED_PATH', file: marks, hint: expect.stringMatching(/^make room/) },
    });
  });

  test.each([
    ['sees no such folder', 'nowhere', 'text'],
    ['sees another folder', '', 'other text'],
  ])('tells of a shared path where it %s', async (_, below, text) => {
    const asked = await started();
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'token'), 'text');
    const token = { path: join(folder, below, 'token'), text };
    expect(await asked.ask({ kind: 'probe', token, modules: [] })).toMatchObject({
      failed: { code: 'ERR_DASK_SHARED_PATH', hint: expect.stringMatching(/^mount the folder there/) },
    });
  });

  test('tells of an op module that is not there, and leaves nothing on the shared path', async () => {
    const asked = await started();
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'token'), 'text');
    const token = { path: join(folder, 'token'), text: 'text' };
    expect(await asked.ask({ kind: 'probe', token, modules: [] })).toMatchObject({ result: { node: process.version } });
    expect(await asked.ask({ kind: 'probe', token, modules: ['file:///nowhere/op.js'] })).toMatchObject({
      failed: { code: 'ERR_OP_IMPORT', hint: expect.stringMatching(/on every worker/) },
    });
    expect(readdirSync(folder)).toEqual(['token']);
  });

  test('ends when nobody asks any more, also in the middle of a task', async () => {
    const asked = await started();
    const marks = temporaryFolder();
    const plan = JSON.stringify({ text: 'x', times: 2, faults: ['hang'], marks });
    const task = { step: 0, partition: 0, attempt: 1, plan, inputs: [], output: join(marks, '0.1') };
    const ended = once(asked.child, 'exit');
    (asked.child.stdin as Writable).end(`${JSON.stringify({ kind: 'run', task, workers: 1 })}\n`);
    expect(await ended).toEqual([0, null]);
  });
});
