/** Pages in a real browser: Debian's Chromium, headless. */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';

const executablePath = '/usr/bin/chromium';
/** Nothing but the page: no updates, no look-ups. Playwright gives each browser a fresh profile. */
const args =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split(
    ' ',
  );

export interface Opened {
  page: Page;
  /** What it asked for, itself included. */
  requests: string[];
  /** What its console said, errors of scripts included. */
  messages: string[];
}

export type Open = (file: string, look?: { colorScheme?: 'light' | 'dark'; width?: number }) => Promise<Opened>;

/** A `describe` with a browser. Without Chromium its tests are skipped with one line that says so, and fail where CASC_REQUIRE_DATA is 1. */
export function describeWithBrowser(name: string, tests: (open: Open) => void): void {
  if (!existsSync(executablePath)) {
    const missing = `no ${executablePath}; install Debian's package chromium`;
    if (process.env.CASC_REQUIRE_DATA === '1') throw new Error(`CASC_REQUIRE_DATA is 1, but there is ${missing}`);
    process.stderr.write(`skipped: ${name} (${missing})\n`);
    describe.skip(name, () => tests(() => Promise.reject(new Error(missing))));
    return;
  }
  describe(name, () => {
    let browser: Browser;
    beforeAll(async () => {
      // The sanitisers' libraries are for the addon, not for a browser.
      const { LD_PRELOAD: _, ...env } = process.env;
      browser = await chromium.launch({ executablePath, args, env });
    });
    afterAll(() => browser?.close());
    tests(async (file, { colorScheme = 'light', width = 1200 } = {}) => {
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 844 } });
      const opened: Opened = { page, requests: [], messages: [] };
      page.on('request', (request) => opened.requests.push(request.url()));
      page.on('console', (message) => opened.messages.push(message.text()));
      page.on('pageerror', (error) => opened.messages.push(String(error)));
      await page.goto(pathToFileURL(file).href);
      return opened;
    });
  });
}
