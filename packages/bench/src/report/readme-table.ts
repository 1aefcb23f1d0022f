/** The README's table of figures, made from a file of results. */
import { amountText, type Figure, rowsText, targetText } from '../measure/figure.ts';
import { exponentText, scalingsOf } from '../measure/scaling.ts';
import { groupsOf, nameOf, type Results } from './results.ts';

const START = '<!-- figures: made by `npm run bench -- --from FILE --readme README.md` -->';
const END = '<!-- end of figures -->';

function line(figure: Figure, exponent: string | undefined): string {
  const { workload, ours, unit, peer, ratio, bound } = figure;
  const theirs = peer?.value === undefined ? '' : `${amountText(peer.value, unit)} ${peer.name}`;
  const cells = [
    `${nameOf(figure, rowsText)} (${workload})`,
    amountText(ours, unit),
    theirs,
    ratio === undefined ? '' : `${ratio.toFixed(ratio < 10 ? 2 : 1)} ×`,
    targetText(figure).replace('≥ ', ''),
    bound === undefined ? '' : `${((bound.value / ours) * 100).toFixed(0)} %`,
    exponent ?? '',
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The table as Markdown. */
export function readmeTable({ environment, figures }: Results): string {
  const exponents = new Map(
    scalingsOf(figures).map((scaling) => [
      `${scaling.workload} ${scaling.what}`,
      scaling.exponent === undefined ? undefined : exponentText(scaling),
    ]),
  );
  const lines = groupsOf(figures).flatMap((group) =>
    group.figures
      .filter(({ peer }) => peer === undefined || peer.value !== undefined)
      .map((figure) => line(figure, exponents.get(`${group.workload} ${group.what}`))),
  );
  const versions = figures.flatMap(({ peer }) => (peer?.version === undefined ? [] : [`${peer.name} ${peer.version}`]));
  return [
    '| workload | ours | peer | ratio | goal | of the hardware | exponent (of processor time) |',
    '|---|---|---|---|---|---|---|',
    ...lines,
    '',
    `Node ${environment.node}, ${environment.cores} cores, ${environment.at.slice(0, 10)}, commit ${environment.commit ?? 'unknown'}; ${[...new Set(versions)].join(', ')}.`,
  ].join('\n');
}

/** A text with its table made anew. @throws where it has no place for one */
export function withReadmeTable(text: string, results: Results): string {
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`no place for the figures: the lines "${START}" and "${END}"`);
  return `${text.slice(0, start + START.length)}\n\n${readmeTable(results)}\n\n${text.slice(end)}`;
}
