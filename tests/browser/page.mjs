// A report open in Chromium, with everything noted that it must not do.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { chromium } = (await import(pathToFileURL(process.env.ODW_PLAYWRIGHT))).default;
const READY_MS = 60000;

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

// The page once its graph is drawn; `seen` collects requests, console errors and exceptions.
export async function openReport(browser, name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light', ...options });
  const page = await context.newPage();
  const seen = { requests: [], errors: [], loadMs: 0 };
  const url = pathToFileURL(join(process.env.ODW_REPORTS, `${name}.html`)).href;
  page.on('request', (request) => { if (request.url() !== url && !request.url().startsWith('blob:null')) seen.requests.push(request.url()); });
  page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warning') seen.errors.push(message.text()); });
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('dialog', (dialog) => { seen.errors.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  const start = Date.now();
  await page.goto(url);
  await page.waitForFunction(() => document.documentElement.dataset.ready === 'yes', null, { timeout: READY_MS });
  seen.loadMs = Date.now() - start;
  return { page, seen, close: () => context.close() };
}

export async function screenshot(page, name) {
  const folder = process.env.ODW_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
