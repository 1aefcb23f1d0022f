/** Workloads again, alone, in a process whose threads are profiled; a flame graph of each thread. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flamePage } from '../report/cpu-profile.ts';

/** @param args of this program, for the process that is profiled @throws where it fails */
export async function profileWorkload(name: string, args: readonly string[], folder: string): Promise<string> {
  const profiles = join(folder, `profile-${name}`);
  rmSync(profiles, { recursive: true, force: true });
  mkdirSync(profiles, { recursive: true });
  const [, program = ''] = process.argv;
  const flags = ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${profiles}`];
  const child = spawn(process.execPath, [...flags, program, name, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the profiled process of ${name} ended with ${code}`);
  const files = readdirSync(profiles).filter((file) => file.endsWith('.cpuprofile'));
  const page = join(folder, `profile-${name}.html`);
  writeFileSync(
    page,
    flamePage(
      `Spillway: ${name}`,
      files.map((file) => join(profiles, file)),
    ),
  );
  return page;
}
