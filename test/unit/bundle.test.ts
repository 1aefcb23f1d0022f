import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const PACKAGES = fileURLToPath(new URL('../../packages/', import.meta.url));
const IMPORTED = /^(?:import|export)\b[^;]*?["']([^"']+)["'];$/gm;

const libraryOf = (name: string): string => `${PACKAGES}${name}/dist/lib/`;

function filesOf(name: string, ending: RegExp): string[] {
  return readdirSync(libraryOf(name)).filter((file) => ending.test(file));
}

/** What is loaded before the first line of a file runs, and what it needs beside files of the two packages. */
function loadedAtOnce(entry: string): { files: Set<string>; foreign: Set<string> } {
  const files = new Set<string>();
  const foreign = new Set<string>();
  const open = [entry];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (files.has(path)) continue;
    files.add(path);
    for (const [, named = ''] of readFileSync(path, 'utf8').matchAll(IMPORTED)) {
      const [, library, part = 'index'] = /^@spillway\/(\w+)(?:\/(.+))?$/.exec(named) ?? [];
      if (named.startsWith('./')) open.push(fileURLToPath(new URL(named, `file://${path}`)));
      else if (library !== undefined) open.push(`${libraryOf(library)}${part}.js`);
      else foreign.add(named);
    }
  }
  return { files, foreign };
}

describe.each(['core', 'workers'])('the built files of %s', (name) => {
  it('have each module once, for two copies would be two registries', () => {
    const sources = filesOf(name, /\.js\.map$/).flatMap(
      (file) => (JSON.parse(readFileSync(libraryOf(name) + file, 'utf8')) as { sources: string[] }).sources,
    );
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.filter((source, at) => sources.indexOf(source) !== at)).toEqual([]);
  });

  it('find what they name by its path from theirs', () => {
    const named = filesOf(name, /\.c?js$/).flatMap((file) =>
      [
        ...readFileSync(libraryOf(name) + file, 'utf8').matchAll(/new URL\(["'`]([^"'`$]+)["'`], import\.meta\.url\)/g),
      ].map(([, path = '']) => path),
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((path) => !existsSync(new URL(path, `file://${libraryOf(name)}`)))).toEqual([]);
  });
});

it.each(['index', 'stage-worker', 'codec-worker'])(
  '%s of workers loads few files at once, and no large library',
  (entry) => {
    const { files, foreign } = loadedAtOnce(`${libraryOf('workers')}${entry}.js`);
    expect([...foreign]).toContain('node:path');
    expect([...foreign].filter((module) => /arrow|parquet|piscina|prom-client/.test(module))).toEqual([]);
    expect(files.size, [...files].join('\n')).toBeLessThanOrEqual(16);
  },
);
