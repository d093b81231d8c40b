// The workbench as a person sees and uses it: clicks, keys, and what stands on the screen.
import * as path from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { output, patience, type Server, until } from './server.ts';

/** The guest's shell waits for a command: the last line of the terminal. */
export const prompt = /\nvitrine:~#$/;

export class Workbench {
  readonly page: Page;
  /** What the window has said on its console, for the log of a failure. */
  readonly messages: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('console', (m) => this.messages.push(`${m.type()}: ${m.text()}`));
    page.on('pageerror', (e) => this.messages.push(`pageerror: ${e}`));
  }

  /** Opens a window on a folder. */
  static async open(browser: Browser, server: Server, folder: string): Promise<Workbench> {
    const context = await browser.newContext({ viewport: { width: 1600, height: 1400 } });
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    const w = new Workbench(page);
    await page.goto(`http://${server.address}/?folder=${encodeURIComponent(folder)}`, { waitUntil: 'commit' });
    await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
    return w;
  }

  /** Closes the window as a person does. */
  async close(): Promise<void> {
    await this.page.close({ runBeforeUnload: false });
    await this.page.context().close();
  }

  async screenshot(name: string): Promise<void> {
    await this.page.screenshot({ path: path.join(output, `${name}.png`) });
  }

  /** Runs a command by its title, from the command palette. */
  async command(title: string): Promise<void> {
    await this.#quickInput('F1', `>${title}`);
    await this.#pick(title);
  }

  /** Opens a file by its path in the folder, at a line that is 1 for the first. */
  async openFile(file: string, line = 1): Promise<Editor> {
    await this.#quickInput('Control+p', `${file}:${line}`);
    await this.#pick(path.basename(file));
    await this.activeTab(path.basename(file)).waitFor();
    const { editor } = this;
    await editor.lineNumber(line).waitFor();
    return editor;
  }

  activeTab(name: string): Locator {
    return this.page.locator('.tabs-container .tab.active', { hasText: name });
  }

  /** It is there while something is debugged. */
  get debugToolbar(): Locator {
    return this.page.locator('.debug-toolbar');
  }

  /** The list that a command shows to choose from. */
  get choices(): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row');
  }

  get notifications(): Locator {
    return this.page.locator('.notification-toast');
  }

  /** A pane of the side bar by its title, opened. */
  async pane(title: string): Promise<Pane> {
    const pane = new Pane(this, title);
    await pane.open();
    return pane;
  }

  /** Waits until the extension has started, which the view Run and Debug shows: F5 is its key from then on. */
  async ready(): Promise<void> {
    await this.page.keyboard.press('Control+Shift+D');
    await this.page.locator('.welcome-view', { hasText: 'This folder is a kernel' }).first().waitFor();
  }

  /** Drags the side bar's edge. */
  async widenSideBar(width: number): Promise<void> {
    const bar = (await this.page.locator('.part.sidebar').boundingBox())!;
    const [edge, y] = [bar.x + bar.width, bar.y + bar.height / 2];
    await this.page.mouse.move(edge, y);
    await this.page.mouse.down();
    await this.page.mouse.move(bar.x + width, y, { steps: 4 });
    await this.page.mouse.up();
    await this.until('the side bar is wide', async () => (await this.page.locator('.part.sidebar').boundingBox())!.width > width / 2 + bar.width / 2);
  }

  get editor(): Editor {
    return new Editor(this, this.page.locator('.editor-instance .monaco-editor').first());
  }

  get terminal(): Terminal {
    return new Terminal(this);
  }

  /** Waits until a condition holds; it is looked at again and again. */
  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    await until(what, condition, () => this.page.evaluate(() => new Promise(requestAnimationFrame))); // until the screen may have changed
  }

  async #quickInput(key: string, text: string): Promise<void> {
    await this.page.keyboard.press(key);
    const input = this.page.locator('.quick-input-widget input.input');
    await input.waitFor();
    await input.fill(text);
  }

  async #pick(label: string): Promise<void> {
    await this.choices.filter({ hasText: label }).first().waitFor();
    await this.page.keyboard.press('Enter');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }
}

export class Editor {
  #w: Workbench;
  readonly root: Locator;

  constructor(w: Workbench, root: Locator) {
    this.#w = w;
    this.root = root;
  }

  /** The text that is in sight. */
  async text(): Promise<string> {
    const lines = await this.root.locator('.view-line').all();
    const placed = await Promise.all(lines.map(async (l) => ({ y: (await l.boundingBox())?.y ?? 0, text: await l.innerText() })));
    return placed.sort((a, b) => a.y - b.y).map((l) => l.text.replaceAll('\u00a0', ' ')).join('\n');
  }

  lineNumber(line: number): Locator {
    return this.root.locator('.margin-view-overlays .line-numbers', { hasText: new RegExp(`^${line}$`) });
  }

  /** The mark of a breakpoint that is set, not of one that a click would set. */
  get breakpoints(): Locator {
    return this.root.locator('[class*="codicon-debug-breakpoint"]:not([class*="hint"])');
  }

  /** Sets a breakpoint by a click into the gutter. A click before the debuggers are known is lost, and a second one would
   * take the breakpoint away: so it waits for the mark that shows what a click would do. */
  async clickGutter(line: number): Promise<void> {
    const before = await this.breakpoints.count();
    const { page } = this.#w;
    await this.#w.until(`the gutter takes clicks at line ${line}`, async () => {
      const [row, margin] = [await this.lineNumber(line).boundingBox(), await this.root.locator('.margin').first().boundingBox()];
      if (!row || !margin) return false;
      const y = row.y + row.height / 2;
      await page.mouse.move(margin.x + 300, y); // the mark comes with a movement into the margin
      await page.mouse.move(margin.x + 12, y);
      return (await this.root.locator('.codicon-debug-hint').count()) > 0;
    });
    await page.mouse.down();
    await page.mouse.up();
    await this.#w.until('the breakpoint is shown', async () => (await this.breakpoints.count()) === before + 1);
  }

  /** Types a new line under the one where the cursor is. */
  async typeLine(text: string): Promise<void> {
    await this.#w.page.keyboard.press('End');
    await this.#w.page.keyboard.press('Enter');
    await this.#w.page.keyboard.type(text);
    await this.#w.page.keyboard.press('Escape'); // the suggestions
    await this.root.locator('.view-line', { hasText: text.replaceAll(' ', '\u00a0') }).first().waitFor();
  }

  /** The number of the line in which the machine has stopped; it waits for the mark. */
  async stoppedLine(): Promise<number> {
    let line: number | undefined;
    await this.#w.until('a mark where the machine has stopped', async () => {
      line = await this.root.evaluate((editor) => {
        const mark = editor.querySelector('.codicon-debug-stackframe')?.getBoundingClientRect();
        const numbers = [...editor.querySelectorAll('.margin-view-overlays .line-numbers')];
        const beside = numbers.find((n) => mark && Math.abs(n.getBoundingClientRect().y - mark.y) < mark.height / 2);
        return beside && Number(beside.textContent);
      });
      return line !== undefined;
    });
    return line!;
  }
}

/** A tree in the side bar: Variables, Call Stack, Processes. */
export class Pane {
  #w: Workbench;
  #title: string;
  readonly root: Locator;

  constructor(w: Workbench, title: string) {
    this.#w = w;
    this.#title = title;
    this.root = w.page.locator('.sidebar .pane', { has: w.page.locator('.pane-header', { hasText: title }) }).last();
  }

  get #header(): Locator {
    return this.root.locator('.pane-header').first();
  }

  async open(): Promise<void> {
    await this.#toggle('true');
  }

  async close(): Promise<void> {
    await this.#toggle('false');
  }

  /** Closes the other panes: so much of a list is there as is in sight. */
  async alone(): Promise<void> {
    await this.open();
    const others = this.root.page().locator('.sidebar .pane-header[aria-expanded="true"]', { hasNotText: this.#title });
    await this.#w.until(`${this.#title} is alone`, async () => {
      if ((await others.count()) === 0) return true;
      await others.first().click();
      return false;
    });
  }

  async #toggle(expanded: string): Promise<void> {
    await this.#header.waitFor();
    if ((await this.#header.getAttribute('aria-expanded')) !== expanded) await this.#header.click();
  }

  row(text: string | RegExp): Locator {
    return this.root.locator('.monaco-list-row', { hasText: text }).first();
  }

  /** What its rows say, from the top; a tree shows the rows only that are in sight. */
  async rows(): Promise<string[]> {
    return (await this.root.locator('.monaco-list-row').allInnerTexts()).map((t) => t.replace(/\s+/g, ' ').trim());
  }

  /** Opens a row, which may have been opened before. */
  async expand(text: string | RegExp): Promise<void> {
    await this.row(text).waitFor();
    await this.#w.until(`${text} is open`, async () => {
      const open = await this.row(text).getAttribute('aria-expanded', { timeout: 1000 }).catch(() => null);
      if (open === 'false') await this.row(text).locator('.monaco-tl-twistie').click({ timeout: 1000 }).catch(() => {});
      return open === 'true';
    });
  }

  /** Chooses from a row's context menu. It takes no clicks in its first tenth of a second: they may be the end of what has opened it. */
  async menu(text: string | RegExp, item: string): Promise<void> {
    await this.row(text).click({ button: 'right' });
    const menu = this.#w.page.locator('.monaco-menu');
    await menu.locator('.action-item', { hasText: item }).first().hover();
    await menu.locator('.action-item.focused', { hasText: item }).waitFor();
    await this.#w.page.keyboard.press('Enter');
    await menu.waitFor({ state: 'hidden' });
  }
}

/** The integrated terminal in front. */
export class Terminal {
  #w: Workbench;

  constructor(w: Workbench) {
    this.#w = w;
  }

  /** What is on its screen. */
  async text(): Promise<string> {
    const rows = await this.#w.page.locator('.terminal-wrapper.active .xterm-rows > div').allInnerTexts();
    return rows.map((r) => r.replaceAll('\u00a0', ' ').trimEnd()).join('\n').trimEnd();
  }

  async waitFor(pattern: RegExp): Promise<void> {
    let text = '';
    await this.#w.until(`the terminal shows ${pattern}`, async () => pattern.test((text = await this.text()))).catch((e) => {
      throw new Error(`${e.message}; it shows:\n${text}`);
    });
  }

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.#w.page.locator('.terminal-wrapper.active .xterm').click();
    await this.#w.page.keyboard.type(line);
    await this.#w.page.keyboard.press('Enter');
  }
}
