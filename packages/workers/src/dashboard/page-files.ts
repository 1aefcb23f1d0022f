/** The page's own files: all that the server ever gives out. Names are looked up in a list, so no path of a request reaches the disk. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = new URL('../../page/', import.meta.url);
const BUILT = new URL('../../page/dist/', import.meta.url);

export interface PageFile {
  type: string;
  read(): Promise<string>;
}

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

/** The page's modules, in the order in which one takes from another. */
export const PAGE_MODULES = [
  'format.js',
  'elements.js',
  'charts.js',
  'plan-graph.js',
  'tables.js',
  'panels.js',
  'page.js',
] as const;

export const PAGE_FILES: ReadonlyMap<string, PageFile> = new Map<string, PageFile>([
  ['/', { type: 'text/html; charset=utf-8', read: () => ownFile(new URL('index.html', HERE)) }],
  ['/page.css', { type: STYLE, read: () => ownFile(new URL('page.css', HERE)) }],
  ['/uplot.css', { type: STYLE, read: () => uplotFile('uPlot.min.css') }],
  ['/uplot.js', { type: SCRIPT, read: () => uplotFile('uPlot.iife.min.js') }],
  ...PAGE_MODULES.map((name): [string, PageFile] => [
    `/${name}`,
    { type: SCRIPT, read: () => ownFile(new URL(name, BUILT)) },
  ]),
]);

function ownFile(url: URL): Promise<string> {
  return readFile(fileURLToPath(url), 'utf8');
}

function uplotFile(name: string): Promise<string> {
  const main = createRequire(import.meta.url).resolve('uplot');
  return readFile(join(dirname(main), name), 'utf8');
}
