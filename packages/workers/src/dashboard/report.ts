/**
 * A run as one file: the dashboard's page with its scripts, styles and data inside, which opens from the disk and asks for no address. The page's
 * modules lie in it as data, named by an import map, because a page from the disk may not load modules from beside it.
 */
import type { SeriesPoint } from '../monitor/run-series.ts';
import type { MetricsSnapshot } from '../monitor/snapshot.ts';
import { PAGE_FILES, PAGE_MODULES } from './page-files.ts';

/** All that a page shows. */
export interface ReportData {
  title: string;
  snapshot: MetricsSnapshot;
  history: readonly SeriesPoint[];
  /** Undefined while the run goes on. */
  ended: { ok: boolean } | undefined;
  /** What it failed with. */
  error: string | undefined;
  /** What it taught about its limits, once it has ended. */
  advice: readonly string[];
}

const POLICY = "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data:";

export async function reportPage(data: ReportData): Promise<string> {
  const text = async (path: string): Promise<string> => (await PAGE_FILES.get(path)?.read()) ?? '';
  const [html, css, uplotCss, uplot] = await Promise.all(['/', '/page.css', '/uplot.css', '/uplot.js'].map(text));
  const imports: Record<string, string> = {};
  for (const name of PAGE_MODULES) {
    const source = (await text(`/${name}`)).replaceAll(/(from ')\.\/([\w-]+\.js)'/g, "$1page/$2'");
    imports[`page/${name}`] = `data:text/javascript;base64,${Buffer.from(source).toString('base64')}`;
  }
  const inside = {
    '<link rel="stylesheet" href="uplot.css" />': `<style>${uplotCss}</style>`,
    '<link rel="stylesheet" href="page.css" />': `<style>${css}</style>`,
    '<script src="uplot.js"></script>': `<script>${uplot}</script>`,
    '<script type="module" src="page.js"></script>': [
      `<script type="application/json" id="data">${escaped(JSON.stringify(data))}</script>`,
      `<script type="importmap">${escaped(JSON.stringify({ imports }))}</script>`,
      `<script type="module">import 'page/page.js';</script>`,
    ].join('\n'),
    '<meta charset="utf-8" />': `<meta charset="utf-8" />\n    <meta http-equiv="content-security-policy" content="${POLICY}" />`,
  };
  let page = html as string;
  for (const [mark, put] of Object.entries(inside)) page = page.replace(mark, () => put);
  return page;
}

/** JSON that cannot end the script element it stands in. */
function escaped(json: string): string {
  return json.replaceAll('<', '\\u003c');
}
