// Opens pages in one headless Chromium and reports what is wrong with them.
//
// Standard input is a job: {modules, chromium, pictures, pages: [{name, url,
// verdict, keep, visits: [{width, scheme, full}]}]}. Standard output is
// {findings: [{page, visit, rule, detail}], notes: [{page, visit, detail}]}. The
// exit code is 0 whatever was found, and another one when the pages could not be
// looked at.
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { json } from 'node:stream/consumers';

const job = await json(process.stdin);
const require = createRequire(path.join(job.modules, 'package.json'));
const { chromium } = require('playwright-core');
const injected = [
  await readFile(require.resolve('axe-core/axe.min.js'), 'utf8'),
  await readFile(new URL('inpage.js', import.meta.url), 'utf8'),
].join(';\n');

const phone = 600; // CSS pixels: narrower windows are phones
const paper = { width: 718, height: 1047 }; // A4 with margins of 1 cm, at 96 px per inch
const mostStops = 300; // presses of Tab before the walk is given up
const atOnce = 2; // pages that are open at a time
const most = 8; // findings of one rule on one visit that are written down

// recordListeners runs in the page before its own scripts.
function recordListeners() {
  const add = EventTarget.prototype.addEventListener;
  const kinds = new Map();
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    const target = this ?? globalThis;
    if (!kinds.has(target)) kinds.set(target, new Set());
    kinds.get(target).add(type);
    return add.call(target, type, ...rest);
  };
  globalThis.__forTheMouseAlone = () => {
    const any = (types, pattern) => [...types].some((type) => pattern.test(type));
    return [...kinds]
      .filter(([, types]) => any(types, /^(mouse|pointer)(over|enter|move)$/) && !any(types, /^(focus|focusin|keydown|keyup)$/))
      .map(([target]) => `a listener for the mouse alone on ${target.id || target.localName || target.constructor.name}`);
  };
}

// Tab is a browser tab of one width and colour scheme that opens pages in turn.
class Tab {
  findings = [];
  notes = [];

  constructor(width, scheme) {
    Object.assign(this, { width, scheme, name: `${scheme}-${width}` });
  }

  found(rule, ...details) {
    for (const detail of details) this.findings.push({ page: this.page?.name, visit: this.name, rule, detail });
  }

  note(detail) {
    if (this.page.keep) this.notes.push({ page: this.page.name, visit: this.name, detail });
  }

  async start(browser) {
    const small = this.width < phone;
    this.window = { width: this.width, height: small ? 800 : 900 };
    const context = await browser.newContext({
      viewport: this.window,
      colorScheme: this.scheme,
      isMobile: small,
      hasTouch: small,
      acceptDownloads: false,
    });
    const own = (request) => request.url() === this.page.url;
    await context.route('**/*', (route) => (own(route.request()) ? route.continue() : route.abort()));
    await context.addInitScript(recordListeners);
    this.tab = await context.newPage();
    this.tab.on('console', (m) => {
      if (m.type() === 'error' || m.type() === 'warning') this.found('console', m.text());
    });
    this.tab.on('pageerror', (e) => this.found('page-error', String(e)));
    this.tab.on('request', (r) => {
      if (!own(r) && !r.url().startsWith('data:')) this.found('network', r.url());
    });
    this.tab.on('websocket', (socket) => this.found('network', socket.url()));
    this.tab.on('popup', (p) => this.found('network', `a window: ${p.url()}`));
    this.tab.on('dialog', (d) => {
      this.found('page-error', `a dialog: ${d.message()}`);
      return d.dismiss();
    });
    this.cdp = await context.newCDPSession(this.tab);
    return this;
  }

  async visit(page, full) {
    Object.assign(this, { page, full });
    await this.tab.goto(page.url, { waitUntil: 'load' });
    const { frameTree } = await this.cdp.send('Page.getFrameTree');
    const world = await this.cdp.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id, worldName: 'gate' });
    this.world = world.executionContextId;
    await this.evaluate(injected + ';0');
    await this.look();
    if (!full) return;
    await this.walk();
    await this.withoutColours();
    await this.onPaper();
  }

  // evaluate runs an expression in the world of the checks; page scripts and the
  // page's Content-Security-Policy do not reach it.
  async evaluate(expression, { contextId, returnByValue } = { contextId: this.world, returnByValue: true }) {
    const answer = await this.cdp.send('Runtime.evaluate', { expression, contextId, returnByValue, awaitPromise: true });
    if (answer.exceptionDetails) {
      throw new Error(`${this.page.name} ${this.name}: ${expression.slice(-80)}: ${answer.exceptionDetails.exception?.description ?? answer.exceptionDetails.text}`);
    }
    return returnByValue ? answer.result.value : answer.result;
  }

  async check(rule, argument = '') {
    this.found(rule, ...(await this.evaluate(`gate.${rule}(${argument})`)));
  }

  // look checks the page as it opens, and what is folded away for what does not
  // depend on colours.
  async look() {
    await this.shoot('');
    await this.heading();
    await this.check('overflow');
    if (!this.full) await this.axe();
    if (await this.evaluate('gate.unfold()')) {
      await this.check('overflow');
      if (this.full) await this.shoot('-open');
    }
    if (this.full) await this.axe();
    if (this.width < phone) await this.check('viewport', this.width);
    for (const rule of ['cut', 'overlap', 'small', 'axes', 'contrast', 'hover']) await this.check(rule);
    this.found('hover', ...(await this.evaluate('__forTheMouseAlone()', { returnByValue: true })));
    await this.names();
  }

  // shoot keeps a picture of the whole page.
  async shoot(suffix) {
    if (!this.page.keep) return;
    const { cssContentSize } = await this.cdp.send('Page.getLayoutMetrics');
    const { data } = await this.cdp.send('Page.captureScreenshot', {
      format: 'png',
      optimizeForSpeed: true,
      captureBeyondViewport: true,
      clip: { ...cssContentSize, scale: 1 },
    });
    await writeFile(path.join(job.pictures, `${this.page.name}-${this.name}${suffix}.png`), data, 'base64');
  }

  // heading looks for the verdict among the headings that a screen reader lists.
  async heading() {
    const headings = [];
    for (const nodeId of await this.nodes('h1, h2, h3, h4, h5, h6, [role=heading]')) {
      const { role, name } = await this.accessible({ nodeId });
      if (role === 'heading') headings.push(name);
    }
    const word = new RegExp(`\\b${this.page.verdict}\\b`, 'i');
    if (!headings.some((h) => word.test(h))) this.found('heading', `none of ${JSON.stringify(headings.slice(0, 5))} says ${word}`);
  }

  // names asks the accessibility tree for the name of each drawing. One that is
  // hidden from it must hold no text.
  async names() {
    const ornaments = new Set(await this.nodes('svg[aria-hidden=true]:not(:has(text))'));
    const all = await this.nodes('svg:not(svg svg)');
    let nameless = 0;
    for (const nodeId of all) {
      if (!ornaments.has(nodeId) && !(await this.accessible({ nodeId })).name) nameless++;
    }
    if (nameless) this.found('svg-name', `${nameless} of ${all.length} drawings have no accessible name`);
  }

  async nodes(selector) {
    const { root } = await this.cdp.send('DOM.getDocument', { depth: 0 });
    return (await this.cdp.send('DOM.querySelectorAll', { nodeId: root.nodeId, selector })).nodeIds;
  }

  // accessible is what the accessibility tree has of a node; no role and no name
  // when it is left out of the tree.
  async accessible(node) {
    const { nodes } = await this.cdp.send('Accessibility.getPartialAXTree', { ...node, fetchRelatives: false });
    const own = nodes[0];
    return own && !own.ignored ? { role: own.role?.value, name: String(own.name?.value ?? '').trim() } : { name: '' };
  }

  // axe has axe-core look at everything on a full visit. On the others it is
  // spared the folded tables and what is in the drawings, thousands of nodes of
  // the same kind, which take it seconds.
  async axe() {
    const run = `axe.run(document, {resultTypes: ['violations', 'incomplete'], preload: false, iframes: false})`;
    const { violations, incomplete } = await this.evaluate(
      `${this.full ? run : `gate.emptied(() => ${run})`}.then(({violations, incomplete}) => {
        const brief = (r) => ({id: r.id, impact: r.impact, help: r.help, nodes: r.nodes.length, first: r.nodes[0]?.html.slice(0, 160), why: r.nodes[0]?.any[0]?.message});
        return {violations: violations.map(brief), incomplete: incomplete.map(brief)};
      })`,
    );
    for (const v of violations) {
      const line = `${v.impact}: ${v.id}: ${v.help} (${v.nodes} times, first ${v.first}${v.why ? '; ' + v.why : ''})`;
      if (v.impact === 'serious' || v.impact === 'critical') this.found('axe', line);
      else this.note(`axe ${line}`);
    }
    for (const v of incomplete) {
      if (this.full) this.note(`axe cannot tell: ${v.id} (${v.nodes} times, first ${v.first}; ${v.why})`);
    }
  }

  // walk presses Tab until the focus has been everywhere.
  async walk() {
    let stops = 0;
    for (; stops <= mostStops; stops++) {
      await this.tab.keyboard.press('Tab');
      const at = await this.evaluate('gate.focused()');
      if (!at) break;
      if (!at.ring) this.found('focus', `nothing shows that the focus is on ${at.what}`);
      const { objectId } = await this.evaluate('document.activeElement', { contextId: this.world, returnByValue: false });
      if (!(await this.accessible({ objectId })).name) this.found('focus', `no accessible name: ${at.what}`);
    }
    if (stops > mostStops) this.found('focus', `more than ${mostStops} stops of the Tab key`);
    this.note(`${stops} stops of the Tab key`);
  }

  // withoutColours keeps a picture of the page as seen without colours.
  async withoutColours() {
    await this.cdp.send('Emulation.setEmulatedVisionDeficiency', { type: 'achromatopsia' });
    await this.shoot('-grey');
    await this.cdp.send('Emulation.setEmulatedVisionDeficiency', { type: 'none' });
  }

  async onPaper() {
    await this.tab.emulateMedia({ media: 'print', colorScheme: 'light' });
    await this.tab.setViewportSize(paper);
    await this.check('print');
    await this.shoot('-print');
    if (this.page.keep) await this.pdf();
    await this.tab.emulateMedia({ media: null, colorScheme: this.scheme });
    await this.tab.setViewportSize(this.window);
  }

  pdf() {
    return this.tab.pdf({ path: path.join(job.pictures, `${this.page.name}.pdf`), format: 'A4', margin: { top: '1cm', right: '1cm', bottom: '1cm', left: '1cm' } });
  }
}

// trim keeps the first few findings of each rule on each visit.
function trim(findings) {
  const counts = new Map();
  return findings.filter(({ page, visit, rule }) => {
    const key = [page, visit, rule].join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return counts.get(key) <= most;
  });
}

const browser = await chromium.launch({
  executablePath: job.chromium,
  args: ['--disable-gpu', '--disable-background-networking', '--host-resolver-rules=MAP * ~NOTFOUND'],
});
try {
  const waiting = job.pages.flatMap((page) => page.visits.map((v) => ({ page, ...v })));
  const tabs = [];
  const idle = [];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { page, width, scheme, full } = next;
      const at = idle.findIndex((t) => t.width === width && t.scheme === scheme);
      const tab = at < 0 ? await new Tab(width, scheme).start(browser) : idle.splice(at, 1)[0];
      if (at < 0) tabs.push(tab);
      await tab.visit(page, full);
      idle.push(tab);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  process.stdout.write(JSON.stringify({ findings: trim(tabs.flatMap((t) => t.findings)), notes: tabs.flatMap((t) => t.notes) }));
} finally {
  await browser.close();
}
