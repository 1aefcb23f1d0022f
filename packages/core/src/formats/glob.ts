import { access, readdir } from 'node:fs/promises';
import { join, parse, resolve, sep } from 'node:path';

import { PipelineError } from '../errors.ts';
import { nameHint } from '../schema/nearest-name.ts';

/** `{a,b}` as the texts it stands for; nested and repeated braces too. */
function expandBraces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  if (open < 0) return [pattern];
  let depth = 0;
  const parts: string[] = [];
  let start = open + 1;
  for (let at = open; at < pattern.length; at += 1) {
    const letter = pattern[at];
    if (letter === '{') depth += 1;
    if (letter === '}') depth -= 1;
    if ((letter === ',' && depth === 1) || depth === 0) {
      parts.push(pattern.slice(start, at));
      start = at + 1;
    }
    if (depth === 0)
      return parts.flatMap((part) => expandBraces(pattern.slice(0, open) + part + pattern.slice(at + 1)));
  }
  return [pattern];
}

/** One segment of a pattern (`*` any letters, `?` one letter) as a test of a name. Hidden names only where the dot is written. */
function segmentTest(segment: string): RegExp {
  const escaped = segment
    .replaceAll(/[.+^$()|[\]\\{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${segment.startsWith('.') ? '' : '(?!\\.)'}${escaped}$`, 'su');
}

async function entriesOf(folder: string): Promise<{ name: string; isFolder: boolean }[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    // A link may lead to a folder: trying to list it answers that.
    return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() || entry.isSymbolicLink() }));
  } catch {
    // Not a folder, or not ours to read: nothing below it matches.
    return [];
  }
}

async function walk(folder: string, segments: readonly string[], found: Set<string>): Promise<void> {
  const [segment, ...rest] = segments;
  if (segment === undefined) return;
  if (segment === '**') {
    await walk(folder, rest, found);
    for (const { name, isFolder } of await entriesOf(folder)) {
      if (isFolder && !name.startsWith('.')) await walk(join(folder, name), segments, found);
    }
    return;
  }
  const test = segmentTest(segment);
  for (const { name, isFolder } of await entriesOf(folder)) {
    if (!test.test(name)) continue;
    if (rest.length > 0) await walk(join(folder, name), rest, found);
    else if (!isFolder || (await entriesOf(join(folder, name))).length === 0) found.add(join(folder, name));
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** Absolute paths that one pattern stands for. */
async function matches(pattern: string, folder: string): Promise<string[]> {
  const absolute = resolve(folder, pattern);
  // A file of exactly this name is meant, whatever characters it is made of.
  if (!/[*?{]/.test(pattern) || (await exists(absolute))) return [absolute];
  const found = new Set<string>();
  for (const plain of expandBraces(absolute)) {
    if (!/[*?]/.test(plain)) {
      if (await exists(plain)) found.add(plain);
      continue;
    }
    const { root } = parse(plain);
    const segments = plain.slice(root.length).split(sep);
    const fixed = segments.findIndex((segment) => /[*?]/.test(segment));
    await walk(join(root, ...segments.slice(0, fixed)), segments.slice(fixed), found);
  }
  if (found.size === 0) throw await nothingMatches(pattern, absolute);
  return [...found];
}

async function nothingMatches(pattern: string, absolute: string): Promise<PipelineError> {
  const fixed = absolute.slice(0, absolute.search(/[*?{]/));
  const folder = fixed.slice(0, fixed.lastIndexOf(sep) + 1);
  const names = (await entriesOf(folder)).map((entry) => entry.name);
  const hint =
    names.length === 0 ? `${folder} is empty or not there` : `in ${folder}: ${nameHint(parse(absolute).base, names)}`;
  return new PipelineError('ERR_FILE_NOT_FOUND', `no file matches ${pattern}`, { file: absolute, hint });
}

/**
 * The files that paths and patterns stand for, as absolute paths: each pattern's matches in the order of their names (by
 * code point), the patterns in the order given, each file once. `*` and `?` stay inside a name, `**` crosses folders,
 * `{a,b}` is either. A path without these is taken as it is, there or not; `-` is standard input, and stays.
 * @throws ERR_FILE_NOT_FOUND when a pattern matches nothing
 * @example
 * ```ts
 * await expandPaths(['trades/2024-*.parquet', 'late.parquet']);
 * ```
 */
export async function expandPaths(patterns: readonly string[], folder: string = process.cwd()): Promise<string[]> {
  const paths = new Set<string>();
  for (const pattern of patterns) {
    const found = pattern === '-' ? [pattern] : await matches(pattern, folder);
    for (const path of found.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) paths.add(path);
  }
  return [...paths];
}
