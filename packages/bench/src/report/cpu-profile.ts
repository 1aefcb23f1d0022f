/** Processor profiles of threads, as V8 writes them, drawn as flame graphs. */
import { readFileSync } from 'node:fs';
import { escapeText } from './svg.ts';

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
}

export interface CpuProfile {
  nodes: ProfileNode[];
  samples: number[];
  timeDeltas: number[];
}

/** A function as called from its parent, with all that it called. */
export interface Flame {
  name: string;
  selfUs: number;
  totalUs: number;
  children: Flame[];
}

/** Frames in which a thread does nothing of ours. */
const RESTS = new Set(['(idle)', '(program)', '(root)']);

function frameName({ functionName, url, lineNumber }: ProfileNode['callFrame']): string {
  const file = url.split('/').slice(-2).join('/');
  return `${functionName || '(anonymous)'}${file === '' ? '' : ` ${file}:${lineNumber + 1}`}`;
}

/** The tree of calls; what rests is left out. */
export function flamesOf({ nodes, samples, timeDeltas }: CpuProfile): Flame {
  const selfUs = new Map<number, number>();
  for (const [i, id] of samples.entries()) selfUs.set(id, (selfUs.get(id) ?? 0) + (timeDeltas[i] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const build = (node: ProfileNode): Flame => {
    const children = (node.children ?? [])
      .map((id) => build(byId.get(id) as ProfileNode))
      .filter(({ name, totalUs }) => totalUs > 0 && !RESTS.has(name));
    const own = RESTS.has(node.callFrame.functionName) ? 0 : (selfUs.get(node.id) ?? 0);
    const totalUs = children.reduce((sum, child) => sum + child.totalUs, own);
    return { name: frameName(node.callFrame), selfUs: own, totalUs, children };
  };
  return build(nodes[0] as ProfileNode);
}

/** Functions by the time that they took themselves, most first. */
export function heaviest(root: Flame, count: number): { name: string; selfUs: number }[] {
  const byName = new Map<string, number>();
  const walk = ({ name, selfUs, children }: Flame): void => {
    byName.set(name, (byName.get(name) ?? 0) + selfUs);
    for (const child of children) walk(child);
  };
  walk(root);
  return [...byName]
    .map(([name, selfUs]) => ({ name, selfUs }))
    .sort((a, b) => b.selfUs - a.selfUs)
    .slice(0, count);
}

const WIDTH = 1200;
const ROW = 17;
/** Narrower ones cannot be seen. */
const LEAST_PIXELS = 0.5;
const CHARACTER_PIXELS = 6.6;

function colorOf(name: string): string {
  if (name.includes('wasm')) return 'hsl(28 75% 68%)';
  if (name.startsWith('(')) return 'hsl(0 0% 75%)';
  return name.includes('node:') ? 'hsl(140 30% 72%)' : 'hsl(212 60% 76%)';
}

/** One thread: callers on top, what they called below; as wide as the time it took. Names are titles of the rectangles too. */
export function flameGraph(root: Flame): string {
  const scale = WIDTH / Math.max(1, root.totalUs);
  const parts: string[] = [];
  let depths = 0;
  const draw = (flame: Flame, left: number, depth: number): void => {
    const width = flame.totalUs * scale;
    if (width < LEAST_PIXELS) return;
    depths = Math.max(depths, depth + 1);
    const name = escapeText(flame.name);
    const took = `${(flame.totalUs / 1000).toFixed(1)} ms, ${((flame.totalUs / root.totalUs) * 100).toFixed(1)} %`;
    const fits = Math.floor(width / CHARACTER_PIXELS) - 1;
    const label = fits < 3 ? '' : escapeText(flame.name.slice(0, fits));
    parts.push(
      `<g><title>${name}: ${took}, itself ${(flame.selfUs / 1000).toFixed(1)} ms</title><rect x="${left.toFixed(1)}" y="${depth * ROW}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colorOf(flame.name)}"/>${label === '' ? '' : `<text x="${(left + 3).toFixed(1)}" y="${depth * ROW + 12}">${label}</text>`}</g>`,
    );
    let at = left;
    for (const child of [...flame.children].sort((a, b) => b.totalUs - a.totalUs)) {
      draw(child, at, depth + 1);
      at += child.totalUs * scale;
    }
  };
  draw(root, 0, 0);
  return `<svg viewBox="0 0 ${WIDTH} ${depths * ROW}" xmlns="http://www.w3.org/2000/svg" style="font: 11px ui-monospace, monospace; width: 100%">${parts.join('')}</svg>`;
}

/** All threads of a process on one page, those that did most first. */
export function flamePage(title: string, paths: readonly string[]): string {
  const threads = paths
    .map((path) => flamesOf(JSON.parse(readFileSync(path, 'utf8')) as CpuProfile))
    .sort((a, b) => b.totalUs - a.totalUs);
  const sections = threads.map((root, i) => {
    const rows = heaviest(root, 15).map(
      ({ name, selfUs }) =>
        `<tr><td align="right">${(selfUs / 1000).toFixed(1)} ms</td><td>${escapeText(name)}</td></tr>`,
    );
    return `<h2>Thread ${i + 1}: ${(root.totalUs / 1000).toFixed(0)} ms of work</h2>${flameGraph(root)}
<details><summary>What took longest by itself</summary><table>${rows.join('')}</table></details>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeText(title)}</title></head>
<body style="font: 14px system-ui, sans-serif; margin: 1rem"><h1>${escapeText(title)}</h1>
<p>As wide as the time; orange is compiled kernels, blue our code, green Node's. Rest on a rectangle to read it.</p>
${sections.join('\n')}</body></html>
`;
}
