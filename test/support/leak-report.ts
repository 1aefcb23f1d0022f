import { fileURLToPath } from 'node:url';
import type { Holdings } from '#fixtures/leak-runs';
import { runNode } from './process.ts';

/** Runs so many small jobs in a process of its own; what it held after the 20th and after the last. */
export async function leakReport(runs: number): Promise<{ early: Holdings; late: Holdings }> {
  const script = fileURLToPath(import.meta.resolve('#fixtures/leak-runs'));
  const { code, stdout, stderr } = await runNode(['--expose-gc', script, String(runs)]);
  if (code !== 0) throw new Error(`the process ended with ${code}: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}
