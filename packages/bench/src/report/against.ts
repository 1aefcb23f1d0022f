/** Two benches beside each other. */

import { amountText, type Figure, rowsText, type Spread } from '../measure/figure.ts';
import { indentedTable } from './indented-table.ts';
import { nameOf, type Results } from './results.ts';

export interface Change {
  figure: Figure;
  before: Figure;
  /** Above 1: it was so many times slower before. */
  factor: number;
  /** Whether the two spreads do not touch: more than the machine's moods. */
  isClear: boolean;
}

function apart(a: Spread | undefined, b: Spread | undefined): boolean {
  return a !== undefined && b !== undefined && (a[0] > b[1] || b[0] > a[1]);
}

/** Our figures that both have, at the same size: each once, whatever its peers. What was measured alone is held against the same, where it was. */
export function changesOf(now: Results, before: Results): Change[] {
  const nameOfWork = ({ workload, what, rows }: Figure): string => JSON.stringify([workload, what, rows]);
  const key = (figure: Figure): string => `${nameOfWork(figure)} ${figure.peer === undefined ? 'alone' : 'beside'}`;
  const earlier = new Map(
    before.figures.flatMap((figure) => [nameOfWork(figure), key(figure)].map((k) => [k, figure])),
  );
  const seen = new Set<string>();
  return now.figures.flatMap((figure) => {
    const other = earlier.get(key(figure)) ?? earlier.get(nameOfWork(figure));
    if (other === undefined || seen.has(key(figure))) return [];
    seen.add(key(figure));
    const isMore = figure.unit === '1/s';
    const factor = isMore ? figure.ours / other.ours : other.ours / figure.ours;
    return [{ figure, before: other, factor, isClear: apart(figure.spread, other.spread) }];
  });
}

export function changesText(changes: readonly Change[], before: Results): string {
  const cells = changes.map(({ figure, before: other, factor, isClear }) => [
    figure.workload,
    nameOf(figure, rowsText),
    amountText(other.ours, other.unit),
    amountText(figure.ours, figure.unit),
    `${factor.toFixed(2)} ×`,
    isClear ? (factor > 1 ? 'faster' : 'slower') : '',
  ]);
  const titles = [
    '',
    'workload',
    `before (${before.environment.commit ?? before.environment.at})`,
    'now',
    'faster',
    '',
  ];
  return indentedTable(
    titles.map((title, i) => ({ title, align: i < 2 ? ('left' as const) : ('right' as const) })),
    cells,
  );
}
