/** The JSON file of a bench: what its tables, charts and comparisons are made from. */
import { readFileSync } from 'node:fs';
import type { Environment } from '../measure/environment.ts';
import type { Figure } from '../measure/figure.ts';
import type { Hardware } from '../measure/hardware.ts';

export interface Results {
  environment: Environment;
  hardware: Hardware;
  figures: Figure[];
}

/** @throws where the file is none of ours */
export function readResults(path: string): Results {
  const results = JSON.parse(readFileSync(path, 'utf8')) as Partial<Results>;
  if (results.environment === undefined || results.hardware === undefined || results.figures === undefined)
    throw new Error(`${path} is no file of results: it has no environment, hardware and figures`);
  return results as Results;
}

/** A workload's figures, one for each peer. */
export interface Group {
  workload: string;
  what: string;
  figures: Figure[];
}

/** Figures of each workload at its largest size beside peers (where nobody was compared: at its largest), in the order in which they were measured. */
export function groupsOf(figures: readonly Figure[]): Group[] {
  const groups = new Map<string, Group>();
  for (const figure of figures) {
    const { workload, what } = figure;
    const key = `${workload} ${what}`;
    const group = groups.get(key) ?? { workload, what, figures: [] };
    const order = group.figures[0] === undefined ? 1 : bySize(figure, group.figures[0]);
    if (order > 0) group.figures = [];
    if (order >= 0) group.figures.push(figure);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** What only shows how time grows comes before what was compared with peers, however large it is. */
function bySize(a: Figure, b: Figure): number {
  const [isBeside, wasBeside] = [a.peer !== undefined, b.peer !== undefined];
  if (isBeside !== wasBeside) return isBeside ? 1 : -1;
  return (a.rows ?? 0) - (b.rows ?? 0);
}

/** Name of a workload with its size. */
export function nameOf({ what, rows }: Figure, text: (rows: number) => string): string {
  return rows === undefined ? what : `${what}, ${text(rows)}`;
}
