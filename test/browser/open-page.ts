/** A page in a browser that tells what went wrong in it and whom it asked for anything. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

export interface WatchedPage {
  page: Page;
  context: BrowserContext;
  /** Errors and warnings of the console, and exceptions. */
  problems: string[];
  /** Addresses of all requests. */
  requests: string[];
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: onPath('chromium'), args: ['--no-sandbox', '--disable-gpu'] });
}

function onPath(program: string): string {
  const found = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, program));
  return found.find((path) => existsSync(path)) ?? program;
}

export async function openPage(
  browser: Browser,
  url: string,
  options: { colorScheme?: 'light' | 'dark'; width?: number; offline?: boolean } = {},
): Promise<WatchedPage> {
  const { colorScheme = 'light', width = 1280, offline = false } = options;
  const context = await browser.newContext({ colorScheme, offline, viewport: { width, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(0); // the test's own is enough
  const problems: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, context, problems, requests };
}
