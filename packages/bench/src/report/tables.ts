/** What a bench prints. */

import { amountText, type Figure, meetsTarget, rowsText, type Spread, targetText } from '../measure/figure.ts';
import type { Hardware } from '../measure/hardware.ts';
import { exponentText, scalingsOf } from '../measure/scaling.ts';
import { indentedTable } from './indented-table.ts';
import { groupsOf, nameOf, type Results } from './results.ts';

function table(titles: readonly string[], rows: readonly (readonly string[])[], left = 2): string {
  return indentedTable(
    titles.map((title, i) => ({ title, align: i < left ? 'left' : 'right' })),
    rows,
  );
}

/** Half of the spread, of the median. */
function spreadText(spread: Spread | undefined, middle: number): string {
  return spread === undefined ? '' : `± ${(((spread[1] - spread[0]) / 2 / middle) * 100).toFixed(0)} %`;
}

function figureCells(figure: Figure): string[] {
  const { workload, ours, spread, unit, peer, ratio, bound } = figure;
  const met = meetsTarget(figure);
  const version = peer?.version === undefined ? '' : ` ${peer.version}`;
  const theirs = peer?.value === undefined ? '' : amountText(peer.value, unit);
  return [
    workload,
    nameOf(figure, rowsText),
    amountText(ours, unit),
    spreadText(spread, ours),
    peer === undefined ? '' : `${peer.name}${version}`,
    theirs,
    peer?.value === undefined ? '' : spreadText(peer.spread, peer.value),
    ratio === undefined ? '' : `${ratio.toFixed(2)} ×`,
    targetText(figure),
    met === undefined ? '' : met ? 'yes' : 'no',
    bound === undefined ? '' : `${((bound.value / ours) * 100).toFixed(0)} %`,
  ];
}

const FIGURE_TITLES = ['', 'workload', 'ours', '', 'peer', 'takes', '', 'ratio', 'goal', 'met', 'of the hardware'];

function hardwareLine({ memoryRead, memoryCopy, cachedRead, diskRead, diskWrite }: Hardware): string {
  const speed = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB/s`;
  const disk = diskRead === undefined ? '' : `disk read ${speed(diskRead)}, `;
  return `memory read ${speed(memoryRead)}, copy ${speed(memoryCopy)}; file in the page cache ${speed(cachedRead)}; ${disk}disk write ${speed(diskWrite)}`;
}

/** What peers cannot do, or were let off. */
function notes(figures: readonly Figure[]): string[] {
  const lines = figures.flatMap(({ workload, peer }) =>
    peer?.note === undefined
      ? []
      : [`${workload}, ${peer.name}${peer.value === undefined ? ' is left out' : ''}: ${peer.note}`],
  );
  return [...new Set(lines)];
}

function scalingTable(figures: readonly Figure[]): string {
  const scalings = scalingsOf(figures);
  if (scalings.length === 0) return '';
  const rows = scalings.map((scaling) => [
    scaling.workload,
    scaling.what,
    scaling.points
      .slice(1)
      .map(({ rows: size, ms }) => `${rowsText(size)}: ${amountText(ms, 'ms')}`)
      .join(', '),
    amountText(scaling.startMs, 'ms'),
    exponentText(scaling),
  ]);
  return `\n${table(['', 'how time grows', 'sizes', 'start', 'exponent (of processor time)'], rows, 3)}\n`;
}

/** Everything, for a terminal. */
export function resultsText({ environment, hardware, figures }: Results): string {
  const { node, cpu, cores, commit, load } = environment;
  const shown = groupsOf(figures).flatMap((group) => group.figures);
  return [
    `  ${cpu}, ${cores} cores, load ${load.toFixed(1)} at the start; Node ${node}${commit === undefined ? '' : `; commit ${commit}`}`,
    ...(Number.isFinite(hardware.memoryRead) ? [`  ${hardwareLine(hardware)}`] : []),
    '',
    table(FIGURE_TITLES, shown.map(figureCells)),
    scalingTable(figures),
    ...notes(shown).map((line) => `  ${line}`),
  ].join('\n');
}
