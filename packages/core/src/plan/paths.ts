/** Files behind a path or a pattern. */
import { readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { PipelineError } from '../errors.ts';

const MAGIC = /[*?{[]/;

/**
 * Files that match `*`, `?`, `[ab]`, `{a,b}` and `**` (any number of folders), by name. Names that begin with a dot are
 * matched only when the pattern says so. A path without such signs, or that exists as it is written, stands for itself.
 *
 * @throws ERR_FILE_NOT_FOUND
 */
export async function expandPath(pattern: string): Promise<string[]> {
  if (!MAGIC.test(pattern) || (await exists(pattern))) return [pattern];
  const parts = pattern.split(/[\\/]/u.test(pattern) && sep === '\\' ? /[\\/]/ : '/');
  const root = parts[0] === '' ? sep : '';
  const found = (await walk(root, root === '' ? parts : parts.slice(1))).sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
  if (found.length > 0) return [...new Set(found)];
  throw new PipelineError('ERR_FILE_NOT_FOUND', `no file matches ${pattern}`, { file: pattern, hint: `patterns start from ${process.cwd()}; check the folder and the ending` });
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function walk(folder: string, parts: readonly string[]): Promise<string[]> {
  const [part, ...rest] = parts;
  if (part === undefined) return [];
  if (!MAGIC.test(part)) return step(join(folder, part), rest);
  const entries = await readdir(folder === '' ? '.' : folder, { withFileTypes: true }).catch(() => []);
  if (part === '**') {
    const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
    const deeper = await Promise.all(folders.map((entry) => walk(join(folder, entry.name), parts)));
    return [...(await walk(folder, rest)), ...deeper.flat()];
  }
  const matches = matcher(part);
  const matched = entries.filter((entry) => matches(entry.name));
  return (await Promise.all(matched.map((entry) => step(join(folder, entry.name), rest)))).flat();
}

async function step(path: string, rest: readonly string[]): Promise<string[]> {
  if (rest.length > 0) return walk(path, rest);
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? [path] : [];
}

/** A pattern of one name as a test. */
function matcher(pattern: string): (name: string) => boolean {
  let depth = 0;
  const source = pattern.replace(/\[[^\]]+\]|[*?{},]|[\\^$.|+()[\]]/g, (sign) => {
    if (sign.length > 1) return sign.replace(/^\[!/, '[^');
    if (sign === '*') return '[^/]*';
    if (sign === '?') return '[^/]';
    if (sign === '{') return depth++ >= 0 ? '(?:' : sign;
    if (sign === '}') return depth-- > 0 ? ')' : '\\}';
    if (sign === ',') return depth > 0 ? '|' : ',';
    return `\\${sign}`;
  });
  const expression = new RegExp(`^${source}${')'.repeat(Math.max(0, depth))}$`, 'u');
  return (name) => (pattern.startsWith('.') || !name.startsWith('.')) && expression.test(name);
}
