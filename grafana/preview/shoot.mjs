// Takes pictures: standard input is JSON {chromium, pages: [{url, out, height}]}. Ends with 1 if a page failed or complained.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const job = JSON.parse(readFileSync(0, 'utf8'));
const browser = await chromium.launch({ executablePath: job.chromium, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
let bad = 0;
for (const shot of job.pages) {
  const page = await browser.newPage({ viewport: { width: 1920, height: shot.height } });
  const isFont = (url) => url.includes('/public/fonts/'); // not in Grafana's packages; the system's fonts stand in
  page.on('console', (message) => { if (message.type() === 'error' && !isFont(message.location().url)) { bad = 1; console.error(message.text().slice(0, 800)); } });
  page.on('response', (answer) => { if (answer.status() >= 400 && !isFont(answer.url())) console.error(`${answer.status()} ${answer.url()}`); });
  page.on('pageerror', (error) => { bad = 1; console.error(error.stack.slice(0, 800)); });
  await page.goto(shot.url);
  await page.waitForFunction(() => document.title !== 'wait', null, { timeout: 60000 }).catch(() => { bad = 1; });
  if ((await page.title()) !== 'ready') { bad = 1; console.error(`${shot.out}: ${await page.title()}`); }
  await page.screenshot({ path: shot.out, fullPage: true });
  await page.close();
}
await browser.close();
process.exit(bad);
