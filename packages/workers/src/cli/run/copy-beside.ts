/**
 * The copy of this program that a module's own folder has. A module is made of the functions of its copy, which know nothing of those of another
 * one; so a command that is installed elsewhere hands over to it.
 */
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

type CommandLine = typeof import('../command-line.ts');

/** @param path of the module. @returns undefined where its copy is this one, or it has none */
export async function copyBeside(path: string): Promise<CommandLine | undefined> {
  let found: string;
  try {
    found = realpathSync(createRequire(path).resolve('@spillway/workers/command-line'));
  } catch {
    // None is installed there; what the module imports instead is seen when it is imported.
    return undefined;
  }
  const own = realpathSync(fileURLToPath(new URL('./command-line.js', import.meta.url)));
  return found === own ? undefined : ((await import(pathToFileURL(found).href)) as CommandLine);
}
