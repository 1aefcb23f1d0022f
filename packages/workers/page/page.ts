/** The page: follows a run by server-sent events, or shows the data that was saved in it. */

import type { ReportData } from '../dist/dashboard/report.js';
import type { SeriesPoint } from '../dist/monitor/run-series.js';
import type { MetricsSnapshot } from '../dist/monitor/snapshot.js';
import { makePanels, type Panels } from './panels.js';

/** More points than a chart is wide are not worth their memory. */
const MOST_POINTS = 2400;

class Page {
  #points: SeriesPoint[] = [];
  #snapshot: MetricsSnapshot | undefined;
  #panels: Panels | undefined;
  #advice: readonly string[] = [];
  #isPaused = false;
  #rangeMs = 0;

  constructor() {
    const pause = byId('pause');
    pause.addEventListener('click', () => {
      this.#isPaused = !this.#isPaused;
      pause.setAttribute('aria-pressed', String(this.#isPaused));
      pause.textContent = this.#isPaused ? 'Go on' : 'Pause';
      this.#draw();
    });
    const range = byId('range') as HTMLSelectElement;
    range.addEventListener('change', () => {
      this.#rangeMs = Number(range.value);
      this.#draw(true);
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#panels?.restyle();
      this.#draw(true);
    });
  }

  /** Everything there is about the run. */
  begin({ title, snapshot, history, ended, error, advice }: ReportData): void {
    byId('title').textContent = title;
    document.title = `${title} · Spillway`;
    this.#points = [...history];
    this.#advice = advice;
    this.#panels = undefined;
    this.#snapshot = snapshot;
    if (ended !== undefined) this.#say(ended.ok ? 'done' : 'failed', error === undefined ? '' : `: ${error}`);
    else this.#say('running');
    this.#draw(true);
  }

  follow({ snapshot, point }: { snapshot: MetricsSnapshot; point: SeriesPoint }): void {
    this.#points.push(point);
    if (this.#points.length > MOST_POINTS) this.#points = this.#points.filter((_, index) => index % 2 === 0);
    this.#snapshot = snapshot;
    this.#draw();
  }

  lost(): void {
    if (byId('state').dataset['state'] === 'running') this.#say('lost');
  }

  #say(state: string, more = ''): void {
    const texts: Record<string, string> = { lost: 'the process does not answer' };
    byId('state').dataset['state'] = state;
    byId('state').textContent = `${texts[state] ?? state}${more}`;
  }

  #draw(isAlways = false): void {
    const snapshot = this.#snapshot;
    if (snapshot === undefined || (this.#isPaused && !isAlways)) return;
    // Stages are there once the run is planned, and charts are made for them.
    if (this.#panels === undefined || (snapshot.stages.length > 0 && !this.#hasStages)) {
      this.#panels = makePanels(byId('panels'), snapshot, this.#advice);
      this.#hasStages = snapshot.stages.length > 0;
    }
    const from = this.#rangeMs === 0 ? 0 : snapshot.elapsedMs - this.#rangeMs;
    this.#panels.draw(
      snapshot,
      this.#points.filter(({ elapsedMs }) => elapsedMs >= from),
    );
  }

  #hasStages = false;
}

function byId(id: string): HTMLElement {
  return document.getElementById(id) as HTMLElement;
}

const page = new Page();
const saved = document.getElementById('data');
if (saved !== null) {
  byId('pause').hidden = true;
  page.begin(JSON.parse(saved.textContent ?? ''));
} else {
  const events = new EventSource('events');
  const on = (name: string, action: (data: never) => void): void =>
    events.addEventListener(name, (event) => action(JSON.parse((event as MessageEvent<string>).data) as never));
  on('start', (data: ReportData) => page.begin(data));
  on('snapshot', (data: { snapshot: MetricsSnapshot; point: SeriesPoint }) => page.follow(data));
  on('ended', (data: ReportData) => {
    page.begin(data);
    events.close();
  });
  events.addEventListener('error', () => page.lost());
}
