/** Charts as SVG text: no script, so that they can stand in a page, a repository or a mail. Colours follow the theme of the page. */

export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export interface Bar {
  label: string;
  value: number;
  text: string;
  isOurs: boolean;
}

const WIDTH = 760;
const LABEL_WIDTH = 190;
const TEXT_WIDTH = 150;
const BAR_HEIGHT = 22;

/** Bars from zero, and a line where the hardware's limit lies. */
export function barChart(title: string, bars: readonly Bar[], bound?: { label: string; value: number }): string {
  const most = Math.max(...bars.map(({ value }) => value), bound?.value ?? 0);
  const across = (value: number): number => (value / most) * (WIDTH - LABEL_WIDTH - TEXT_WIDTH);
  const height = bars.length * (BAR_HEIGHT + 6) + (bound === undefined ? 6 : 24);
  const parts = bars.map(({ label, value, text, isOurs }, i) => {
    const y = i * (BAR_HEIGHT + 6);
    const end = LABEL_WIDTH + across(value);
    return `<text x="${LABEL_WIDTH - 8}" y="${y + 16}" text-anchor="end">${escapeText(label)}</text>
<rect class="${isOurs ? 'ours' : 'peer'}" x="${LABEL_WIDTH}" y="${y}" width="${Math.max(1, across(value)).toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>
<text x="${(end + 8).toFixed(1)}" y="${y + 16}">${escapeText(text)}</text>`;
  });
  if (bound !== undefined) {
    const x = (LABEL_WIDTH + across(bound.value)).toFixed(1);
    parts.push(`<line class="bound" x1="${x}" y1="0" x2="${x}" y2="${height - 20}"/>
<text class="bound" x="${x}" y="${height - 6}">${escapeText(bound.label)}</text>`);
  }
  return svg(title, height, parts);
}

export interface Line {
  label: string;
  points: readonly { x: number; y: number }[];
}

const PLOT_HEIGHT = 320;
const LEFT = 70;
const BOTTOM = 30;

/** Lines over two logarithmic axes: what grows in proportion rises by one decade a decade. */
export function logLogChart(
  title: string,
  lines: readonly Line[],
  xText: (value: number) => string,
  yText: (value: number) => string,
): string {
  const all = lines.flatMap(({ points }) => points);
  const decades = (values: number[]): number[] => {
    const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
    return Array.from({ length: Math.max(1, high - low) + 1 }, (_, i) => 10 ** (low + i));
  };
  const [xs, ys] = [decades(all.map(({ x }) => x)), decades(all.map(({ y }) => y))];
  const place = (value: number, ticks: number[], from: number, to: number): number => {
    const [low, high] = [Math.log10(ticks[0] as number), Math.log10(ticks.at(-1) as number)];
    return from + ((Math.log10(value) - low) / (high - low)) * (to - from);
  };
  const px = (x: number): string => place(x, xs, LEFT, WIDTH - TEXT_WIDTH).toFixed(1);
  const py = (y: number): string => place(y, ys, PLOT_HEIGHT - BOTTOM, 10).toFixed(1);
  const grid = [
    ...xs.map(
      (x) =>
        `<line class="grid" x1="${px(x)}" y1="10" x2="${px(x)}" y2="${PLOT_HEIGHT - BOTTOM}"/><text x="${px(x)}" y="${PLOT_HEIGHT - 8}" text-anchor="middle">${xText(x)}</text>`,
    ),
    ...ys.map(
      (y) =>
        `<line class="grid" x1="${LEFT}" y1="${py(y)}" x2="${WIDTH - TEXT_WIDTH}" y2="${py(y)}"/><text x="${LEFT - 6}" y="${Number(py(y)) + 4}" text-anchor="end">${yText(y)}</text>`,
    ),
  ];
  const drawn = lines.map(({ label, points }, i) => {
    const last = points.at(-1) as { x: number; y: number };
    const path = points.map(({ x, y }) => `${px(x)},${py(y)}`).join(' ');
    return `<polyline class="line s${i % 8}" points="${path}"/><text class="s${i % 8}" x="${Number(px(last.x)) + 6}" y="${Number(py(last.y)) + 4}">${escapeText(label)}</text>`;
  });
  return svg(title, PLOT_HEIGHT, [...grid, ...drawn]);
}

function svg(title: string, height: number, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" xmlns="http://www.w3.org/2000/svg"><title>${escapeText(title)}</title>
${parts.join('\n')}
</svg>`;
}

/** For a page that charts stand in. */
export const CHART_STYLE = `svg { width: 100%; max-width: ${WIDTH}px; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: currentColor; }
.ours { fill: #3b7dd8; } .peer { fill: #9aa3ad; }
.bound { stroke: #c2504b; stroke-dasharray: 4 3; } text.bound { stroke: none; fill: #c2504b; }
.grid { stroke: currentColor; opacity: 0.15; }
.line { fill: none; stroke-width: 2; }
${['#3b7dd8', '#d9822b', '#2e9d73', '#b0569b', '#8a7a1f', '#5b8f9e', '#c2504b', '#7b68c8'].map((color, i) => `polyline.s${i} { stroke: ${color}; } text.s${i} { fill: ${color}; }`).join('\n')}`;
