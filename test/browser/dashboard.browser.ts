import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createPipeline } from '@spillway/core';
import { type Run, run } from '@spillway/workers';
import { type Dashboard, startDashboard } from '@spillway/workers/dashboard';
import { injectPressure } from '@spillway/workers/internal';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { launch, openPage, type WatchedPage } from './open-page.ts';

const SCHEMA = { value: 'int64' } as const;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
/** Where pictures go for people to look at, when it is set. */
const PICTURES = process.env['SPILLWAY_PICTURES'];
const newInput = () => createPipeline({ memoryLimit: '96MiB' }).pushSource(SCHEMA);

let browser: Browser;
let folder: string;
let input: ReturnType<typeof newInput>;
let job: Run;
let dashboard: Dashboard;
let opened: WatchedPage[];

beforeAll(async () => {
  browser = await launch();
  if (PICTURES !== undefined) mkdirSync(PICTURES, { recursive: true });
});
afterAll(() => browser.close());

/** Two buffers after each other: what the first flushes fires the second. */
beforeEach(async () => {
  opened = [];
  folder = mkdtempSync(join(tmpdir(), 'browser-'));
  input = newInput();
  const buffered = input.stream
    .memoryBuffer({ name: 'first', rows: 3, ownStage: true })
    .memoryBuffer({ name: 'second', rows: 6, ownStage: true });
  const rules = { 'critical-pressure': { for: '100ms' } };
  job = run(
    buffered.forEach(() => {}, { name: 'out' }),
    { workers: 1, alerts: { every: '50ms', rules } },
  );
  dashboard = await startDashboard(job, { title: 'two buffers' });
});

afterEach(async () => {
  injectPressure();
  input.end();
  await job.done;
  for (const { context } of opened) await context.close();
  await dashboard.close();
  rmSync(folder, { recursive: true });
});

async function open(options: Parameters<typeof openPage>[2] = {}, url: string = dashboard.url): Promise<WatchedPage> {
  const page = await openPage(browser, url, options);
  opened.push(page);
  await page.page.getByRole('heading', { name: 'Plan' }).waitFor();
  return page;
}

const numberOf = (page: Page, name: string) => page.locator(`dd[data-name="${name}"]`);
const rowOf = (page: Page, table: string, name: string) =>
  page.getByRole('table', { name: table }).locator('tr', { has: page.getByRole('rowheader', { name, exact: true }) });

async function emit(...values: number[]): Promise<void> {
  for (const value of values) await input.emit([{ value }]);
}

it('shows a run as it goes on, with the numbers of the snapshot', async () => {
  const { page, problems, requests } = await open();
  await emit(1, 2, 3, 4, 5, 6, 7, 8);
  await expect.poll(() => rowOf(page, 'sources and sinks', 'out').innerText()).toMatch(/out\s+sink\s+6\s/);
  await expect.poll(() => rowOf(page, 'sources and sinks', 'pushSource').innerText()).toMatch(/source\s+8\s/);
  expect(await page.locator('#state').innerText()).toBe('running');
  expect(await page.title()).toBe('two buffers · Spillway');
  expect(await page.locator('.plan').getAttribute('aria-label')).toBe(
    'the plan: pushSource to first, first to second, second to out',
  );
  input.end();
  await job.done;
  await expect.poll(() => page.locator('#state').innerText()).toBe('done');
  const { stages, flushes, barriers } = job.metrics();
  for (const { name, rowsIn, rowsOut } of stages)
    expect(await rowOf(page, 'stages', name).innerText()).toMatch(
      new RegExp(`${name}\\s+1\\s+${rowsIn}\\s+${rowsOut}\\s`),
    );
  for (const [reason, times] of Object.entries(flushes))
    expect(await rowOf(page, 'flushes by reason', reason).innerText()).toMatch(new RegExp(`${reason}\\s+${times}$`));
  expect(await numberOf(page, 'barriers').innerText()).toBe(String(barriers.count));
  expect(await numberOf(page, 'memory limit').innerText()).toBe('96.0 MiB');
  expect(problems).toEqual([]);
  const { origin } = new URL(dashboard.url);
  expect(requests.filter((url) => !url.startsWith(`${origin}/`) && url !== 'data:,')).toEqual([]);
  expect(requests.length).toBeGreaterThan(5);
});

it('draws every chart', async () => {
  const { page } = await open();
  await emit(1, 2, 3);
  for (const name of [
    'Memory by stage',
    'Pressure',
    'Rows a second',
    'Spill',
    'Flushes a second',
    'JavaScript heaps',
  ]) {
    await page.getByRole('region', { name, exact: true }).locator('canvas').waitFor();
    const canvas = `document.querySelector('[aria-label^="${name}"] canvas')`;
    const drawn = await page.evaluate(
      `((c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((value) => value !== 0))(${canvas})`,
    );
    expect(drawn, name).toBe(true);
  }
});

it('marks a buffer that flushes, and the one that its flush fires', async () => {
  const { page } = await open();
  const marked = () => page.locator('.plan g:has(.node.flushed) title').allTextContents();
  await emit(1, 2, 3);
  await expect.poll(marked).toMatchObject([expect.stringMatching(/^first:/)]);
  await expect.poll(marked).toEqual([]);
  await emit(4, 5, 6);
  await expect.poll(marked).toMatchObject([expect.stringMatching(/^first:/), expect.stringMatching(/^second:/)]);
});

it('shows pressure, raises the alert and takes it back', async () => {
  const { page } = await open();
  await emit(1);
  injectPressure(() => 0.97);
  // A run takes its injected pressure from the next look on.
  await expect.poll(() => numberOf(page, 'pressure').innerText()).toBe('critical, 97 %');
  await expect
    .poll(() => page.locator('li[data-kind="critical-pressure"]').innerText())
    .toMatch(/^critical, for .*97 % of the tightest bound/);
  injectPressure(() => 0.1);
  await expect.poll(() => page.locator('li[data-kind="critical-pressure"]').count()).toBe(0);
  expect(await numberOf(page, 'pressure').innerText()).toBe('normal, 10 %');
});

it('stops and goes on by keyboard, and narrows the time', async () => {
  const { page } = await open();
  await page.keyboard.press('Tab');
  expect(await page.locator(':focus').innerText()).toBe('Pause');
  await page.keyboard.press('Enter');
  const button = page.getByRole('button', { name: 'Go on' });
  expect(await button.getAttribute('aria-pressed')).toBe('true');
  const before = await numberOf(page, 'running for').innerText();
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(await numberOf(page, 'running for').innerText()).toBe(before);
  await page.keyboard.press('Enter');
  await expect.poll(() => numberOf(page, 'running for').innerText()).not.toBe(before);
  await page.getByLabel('Charts show').selectOption('the last minute');
  expect(await page.getByLabel('Charts show').inputValue()).toBe('60000');
});

it.each([
  ['light', 1280],
  ['dark', 1280],
  ['light', 360],
  ['dark', 360],
] as const)('is accessible and fits: %s, %i pixels wide', async (colorScheme, width) => {
  const { page, problems } = await open({ colorScheme, width });
  await emit(1, 2, 3, 4, 5, 6, 7);
  await expect.poll(() => rowOf(page, 'sources and sinks', 'out').innerText()).toMatch(/sink\s+6/);
  if (PICTURES !== undefined)
    await page.screenshot({ path: join(PICTURES, `${colorScheme}-${width}.png`), fullPage: true });
  expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  await page
    .context()
    .newCDPSession(page)
    .then((session) => session.send('Page.setBypassCSP', { enabled: true }));
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate('axe.run()')) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[];
  };
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([]);
  expect(problems).toEqual([]);
});

it('opens a saved report from the disk without a network', async () => {
  await emit(1, 2, 3, 4, 5, 6, 7);
  await expect.poll(() => job.metrics().sinks[0]?.rows).toBe(6);
  const path = join(folder, 'report.html');
  await dashboard.saveReport(path);
  const { page, problems, requests } = await open({ offline: true }, pathToFileURL(path).href);
  expect(await rowOf(page, 'sources and sinks', 'out').innerText()).toMatch(/sink\s+6/);
  await page.getByRole('region', { name: 'Memory by stage' }).locator('canvas').waitFor();
  expect(await page.getByRole('button', { name: 'Pause' }).isVisible()).toBe(false);
  expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([pathToFileURL(path).href]);
  expect(problems).toEqual([]);
});
