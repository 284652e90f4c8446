// What a person sees in a report, and what a report must never do. Run by run.sh.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, openReport, screenshot } from './page.mjs';

const BOXES_MAX = 40;
const LOAD_MS_MAX = 20000; // far above what it takes: only a page that hangs fails here

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

async function withReport(name, check, options) {
  const { page, seen, close } = await openReport(browser, name, options);
  try {
    await check(page, seen);
    assert.deepEqual(seen.requests, [], 'the page asked for something');
    assert.deepEqual(seen.errors, [], 'the console has errors');
    assert.ok(seen.loadMs < LOAD_MS_MAX, `it took ${seen.loadMs} ms`);
    console.log(`# ${name}: drawn in ${seen.loadMs} ms`);
  } finally {
    await close();
  }
}

const boxes = (page) => page.locator('#diagram g.node').count();
const rows = (page) => page.locator('#rows tr.row').count();
const text = (page, selector) => page.locator(selector).innerText();

test('a small run shows its state, health, graph, timeline, nodes and result', () => withReport('small', async (page) => {
  assert.equal((await text(page, '#state')).toLowerCase(), 'completed');
  assert.match(await text(page, '#health'), /degraded: 1 of 9 nodes failed/);
  const [state, health] = await Promise.all(['#state', '#health'].map((id) => page.locator(id).boundingBox()));
  assert.equal(state.height, health.height, 'health is as prominent as the state');
  assert.equal(await boxes(page), 9);
  assert.equal(await page.locator('#diagram g.cluster').count(), 3);
  // Four files through two stages each, then the join: 4 + 4 arrows, the last four merged into one.
  assert.equal(await page.locator('#diagram path.flowchart-link').count(), 5);
  assert.equal(await page.locator('#lanes rect.link').count(), 9);
  assert.equal(await rows(page), 9);
  assert.match(await text(page, '#census'), /rate limit\s*1/);
  assert.match(await text(page, '#result'), /"lines": 1234/);
  assert.match(await text(page, '#summary'), /0\.0061 USD/);
  assert.match(await text(page, '#log'), /surveying 4 files/);
  await page.locator('#node-7 .expand').click();
  assert.match(await text(page, 'tr.open'), /try again in 60 s/);
  assert.match(await text(page, 'tr.open'), /Summarise summarise README\.md/);
  await screenshot(page, 'small');
}));

test('the dark page is drawn as well', () => withReport('small', async (page) => {
  const shade = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(shade, 'rgb(18, 21, 28)');
  await screenshot(page, 'small-dark');
  await page.locator('#theme').click();
  await page.waitForFunction(() => getComputedStyle(document.body).backgroundColor === 'rgb(244, 245, 247)');
  assert.equal(await boxes(page), 9);
}, { colorScheme: 'dark' }));

test('a thousand nodes are grouped, and the table is filtered by state, phase and search', () => withReport('thousand', async (page) => {
  const drawn = await boxes(page);
  assert.ok(drawn > 2 && drawn <= BOXES_MAX, `${drawn} boxes`);
  assert.match(await text(page, '#diagram'), /499 calls/);
  assert.equal(await text(page, '#found'), '1000 nodes');
  await screenshot(page, 'thousand');
  await page.locator('#by-state').selectOption('failed');
  assert.match(await text(page, '#found'), /^12 of 1000/);
  assert.equal(await rows(page), 12);
  await page.locator('#by-state').selectOption('');
  await page.locator('#by-phase').selectOption({ label: 'Join' });
  assert.equal(await rows(page), 2);
  await page.locator('#by-phase').selectOption('*');
  await page.locator('#search').fill('file_123.cc');
  assert.equal(await rows(page), 2);
  await page.locator('#search').fill('');
  assert.equal(await rows(page), 100);
  await page.locator('#more button').click();
  assert.equal(await rows(page), 1000);
  await page.locator('#lanes rect.link').last().click();
  assert.equal(await page.locator('tr.open').count(), 1);
  await page.locator('#diagram g.node', { hasText: 'summarise' }).first().click();
  assert.match(await text(page, '#found'), /^499 of 1000/);
  await page.locator('#group button').click();
  assert.equal(await text(page, '#found'), '1000 nodes');
}));

test('hostile text is only text', () => withReport('hostile', async (page) => {
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
  assert.equal(await page.locator('img, iframe, object, embed, link, svg script, main script, main a').count(), 0);
  assert.match(await text(page, 'h1'), /<\/script><script>globalThis\.pwned=1<\/script><img src=x/);
  assert.ok(await boxes(page) >= 8);
  assert.doesNotMatch(await text(page, '#diagram'), /Unsupported markdown/);
  const body = await page.locator('body').innerText();
  assert.doesNotMatch(body, /[\u001b\u202e\u0007]/);
  assert.match(body, /⟨U\+202E⟩/);
  await page.locator('#search').fill('one megabyte');
  await page.locator('#rows tr.row .expand').first().click();
  assert.match(await text(page, 'tr.open'), /first 16\.0 KiB of 976\.6 KiB/);
  await page.locator('#search').fill('');
  await screenshot(page, 'hostile');
  for (const button of await page.locator('#rows .expand').all()) await button.click();
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
}));

test('an unfinished run says so, and what it waits for', () => withReport('unfinished', async (page) => {
  assert.match(await text(page, '#summary'), /has not ended: it was running when this report was made/);
  assert.match(await text(page, '#waiting'), /no executor for codex/);
  assert.match(await text(page, '#graph'), /No call in: Merge/);
  assert.ok(await page.locator('#lanes rect.fill-running').count() === 8);
  await screenshot(page, 'unfinished');
}));

test('a resumed run shows what was reused, what was tried and what changed', () => withReport('resumed', async (page) => {
  assert.match(await text(page, '#resumed'), /resumes wf_0aa1bb22-6a2b0000: 2 nodes/);
  assert.match(await text(page, '#summary'), /0\.1340 USD/);
  // Currencies stand side by side and are never added up.
  assert.match(await text(page, '#summary'), /0\.1200 USD\s+0\.3500 CNY/);
  assert.match(await text(page, '#summary'), /past its ceiling by 0\.0210/);
  assert.match(await text(page, '#summary'), /passed by 120 tokens/);
  await page.locator('#usage summary').click();
  assert.match(await text(page, '#usage'), /Review\s+codex\s.*0\.3500 CNY/);
  assert.match(await text(page, '#node-1'), /from n1 of wf_0aa1bb22-6a2b0000/);
  assert.match(await text(page, '#changes'), /n3 change src\/lease\.cc: 1 file/);
  assert.match(await text(page, '#changes'), /n4 review src\/lease\.cc: 0 files\s*not all of it could be captured: its folder was kept/);
  await page.locator('#changes .expand').first().click();
  const open = page.locator('#node-3 + tr.open');
  assert.match(await open.innerText(), /careful-editor/);
  assert.match(await open.innerText(), /Not enforced here\s*network/);
  assert.equal(await open.locator('.diff .d-add').count(), 2);
  assert.equal(await open.locator('.diff .d-del').count(), 1);
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
  await page.locator('#node-4 .expand').click();
  const review = await page.locator('#node-4 + tr.open').innerText();
  assert.match(review, /valid after a repair \(1 repair turn\)/);
  assert.match(review, /crashed the runtime ended with signal 9/);
  assert.match(review, /overloaded claude opus: 529/);
  await screenshot(page, 'resumed');
}));

test('a run without a node is a page too', () => withReport('empty', async (page) => {
  assert.match(await text(page, '#graph'), /No call was made/);
  assert.match(await text(page, '#timeline'), /No node has started/);
}));

test('ten thousand nodes in sequence are one box and open quickly', () => withReport('sequence', async (page) => {
  assert.equal(await boxes(page), 1);
  assert.match(await text(page, '#diagram'), /10000 calls in sequence/);
  await screenshot(page, 'sequence');
}));

test('a narrow window does not scroll sideways', () => withReport('thousand', async (page) => {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${over} pixels too wide`);
  await screenshot(page, 'narrow');
}, { viewport: { width: 420, height: 800 } }));
