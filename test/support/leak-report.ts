import { fileURLToPath } from 'node:url';
import type { Holdings } from '#fixtures/leak-runs';
import { runNode } from './process.ts';

/** Runs so many small jobs in a process of its own; what it held after the 20th and after the last. */
export async function leakReport(runs: number): Promise<{ early: Holdings; late: Holdings }> {
  const script = fileURLToPath(import.meta.resolve('#fixtures/leak-runs'));
  // The young generation starts at its full size: V8 lets it grow over the first hundred runs, which is no leak of ours.
  const flags = ['--expose-gc', '--min-semi-space-size=16'];
  const { code, stdout, stderr } = await runNode([...flags, script, String(runs)]);
  if (code !== 0) throw new Error(`the process ended with ${code}: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}
