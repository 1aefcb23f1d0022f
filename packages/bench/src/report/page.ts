/** A page of charts: static HTML, nothing to load. */
import { amountText, type Figure, rowsText, targetText } from '../measure/figure.ts';
import { scalingsOf } from '../measure/scaling.ts';
import { type Group, groupsOf, type Results } from './results.ts';
import { barChart, CHART_STYLE, escapeText, logLogChart } from './svg.ts';

function barsOf({ workload, what, figures }: Group): string {
  const [first] = figures as [Figure, ...Figure[]];
  const { ours, unit, bound } = first;
  const bars = [
    { label: 'spillway', value: ours, text: amountText(ours, unit), isOurs: true },
    ...figures.flatMap(({ peer, ratio }) =>
      peer?.value === undefined
        ? []
        : [
            {
              label: peer.name,
              value: peer.value,
              text: `${amountText(peer.value, unit)}${ratio === undefined ? '' : ` = ${ratio.toFixed(2)} ×`}`,
              isOurs: false,
            },
          ],
    ),
  ];
  const limit = bound && { label: `${bound.what}: ${amountText(bound.value, unit)}`, value: bound.value };
  return barChart(`${workload}: ${what}`, bars, limit);
}

function section(group: Group): string {
  const [{ rows }] = group.figures as [Figure];
  const size = rows === undefined ? '' : `, ${rowsText(rows)} rows`;
  const goals = group.figures.flatMap((figure) => {
    const text = targetText(figure);
    return text === '' ? [] : [figure.peer === undefined ? text : `${text} ${figure.peer.name}`];
  });
  const said = group.figures.flatMap(({ peer }) => (peer?.note === undefined ? [] : [`${peer.name}: ${peer.note}`]));
  return `<section><h2>${escapeText(`${group.workload}: ${group.what}${size}`)}</h2>
${barsOf(group)}
${goals.length > 0 ? `<p>Goal: ${escapeText(goals.join(', '))}.</p>` : ''}
${said.map((line) => `<p>${escapeText(line)}</p>`).join('\n')}</section>`;
}

function growth({ figures }: Results): string {
  const scalings = scalingsOf(figures);
  if (scalings.length === 0) return '';
  const lines = scalings.map(({ workload, points, startMs, exponent }) => ({
    label: `${workload}${exponent === undefined ? '' : ` ^ ${exponent.toFixed(2)}`}`,
    // What is left of the smallest sizes is noise.
    points: points.slice(1).map(({ rows, ms }) => ({ x: rows, y: Math.max(ms - startMs, 0.05) })),
  }));
  return `<section><h2>How time grows with rows, starting taken off</h2>
${logLogChart('milliseconds over rows', lines, rowsText, (ms) => `${ms} ms`)}</section>`;
}

/** The whole page. */
export function chartsPage(results: Results): string {
  const { environment: at, hardware } = results;
  const speed = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB/s`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Spillway: benchmarks</title>
<style>:root { color-scheme: light dark; } body { font: 15px/1.5 system-ui, sans-serif; max-width: 800px; margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: 1.05rem; margin-top: 2rem; } p { margin: 0.3rem 0; opacity: 0.85; }
${CHART_STYLE}</style></head><body>
<h1>Spillway: benchmarks</h1>
<p>${escapeText(`${at.at.slice(0, 16).replace('T', ' ')} UTC, commit ${at.commit ?? 'unknown'}, Node ${at.node}, ${at.cpu}, ${at.cores} cores, ${at.platform}`)}</p>
<p>Memory read ${speed(hardware.memoryRead)}, copied ${speed(hardware.memoryCopy)}; disk written ${speed(hardware.diskWrite)}${hardware.diskRead === undefined ? '' : `, read ${speed(hardware.diskRead)}`}.
Medians; shorter is better; the dashed line is what the hardware alone needs.</p>
${groupsOf(results.figures).map(section).join('\n')}
${growth(results)}
</body></html>
`;
}
