/** How a plan is cut, for people. */
import type { Explanation } from '../plan/explain.ts';
import type { ResolvedNode } from '../plan/resolved.ts';
import { traitsOf } from '../plan/steps/traits.ts';
import type { Crossing } from './contract.ts';
import { mostTextParts } from './divide-text.ts';
import { findSections, type Section } from './sections.ts';
import { splitSource } from './split-source.ts';

/** More parts than anybody asks for. */
const MANY = 1_000_000;

/** The same, with where each step runs when the plan is cut. */
export function explainCut(explained: Explanation): Explanation {
  const { sections, crossings } = findSections(explained.logical.nodes);
  const lines = ['', 'over partitions:', ...sections.flatMap(sectionLines), ...crossings.map(crossingLine)];
  if (sections.length === 0) lines.push('  nothing of this plan can be cut: all of it runs on the coordinator');
  return { ...explained, crossings, text: `${explained.text}\n${lines.join('\n')}` };
}

function partsOf(source: ResolvedNode): number {
  const { spec } = source;
  const isText = spec.kind === 'source' && spec.source.type === 'text';
  return isText && spec.source.type === 'text' ? mostTextParts(spec.source) : splitSource(source, MANY).length;
}

function sectionLines({ source, sides, sorted, tails }: Section): string[] {
  return [
    sorted === undefined
      ? partsLine(source)
      : `  ${source.name}: as many ranges of "${sorted.key.column}" as partitions, from samples of its values; one value is one range`,
    ...tails.map(
      ({ node, spec }) =>
        `  ${node.name}: a first pass finds ${traitsOf(spec).describe(spec)} of the partitions before`,
    ),
    ...sides.map(({ join, chain, halo }) => {
      const rows = [
        halo.before ? 'the last row of each key before' : [],
        halo.after ? 'the first one behind' : [],
      ].flat();
      const besides = rows.length === 0 ? '' : `, and ${rows.join(' and ')}`;
      return `  ${join.name}: a first pass finds the parts of ${chain[0]?.name} that each partition needs${besides}`;
    }),
  ];
}

function partsLine(source: ResolvedNode): string {
  const parts = partsOf(source);
  return `  ${source.name}: up to ${parts} partition${parts === 1 ? '' : 's'}`;
}

const PLACES: Readonly<Record<Crossing['runs'], string>> = {
  tasks: 'in every partition',
  ranges: 'in every partition, then range by range of its values; what follows goes on in these',
  halves: 'states in every partition, merged exactly at the end',
  twice: 'in every partition, and over their results at the end',
  files: 'files in every partition, committed together at the end',
  end: 'at the end, on the coordinator',
};

function crossingLine({ node, runs, reason }: Crossing): string {
  return `  ${node}: ${PLACES[runs]}${reason === undefined ? '' : ` (${reason})`}`;
}
