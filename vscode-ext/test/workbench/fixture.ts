// What each test in the workbench begins and ends with.
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { browse } from './browser.ts';
import { type Options, output, Server } from './server.ts';
import { Workbench } from './workbench.ts';

export interface Scene {
  workbench: Workbench;
  server: Server;
  /** Does a step of the way, says how long it took and keeps a picture of its end. */
  step(name: string, body: () => Promise<void>): Promise<void>;
}

/** Opens a folder in a fresh VS Code and lets body work in it. Pictures and logs stay in the output directory, as NAME-…. */
export async function inWorkbench(t: TestContext, name: string, folder: string, o: Options, body: (s: Scene) => Promise<void>): Promise<void> {
  const server = await Server.start(o);
  const browser = await browse();
  const workbench = await Workbench.open(browser, server, folder);
  let number = 0;
  const step = async (what: string, f: () => Promise<void>) => {
    const started = performance.now();
    await f();
    t.diagnostic(`${Math.round(performance.now() - started)} ms: ${what}`);
    await workbench.screenshot(`${name}-${String(++number).padStart(2, '0')}`);
  };
  try {
    await body({ workbench, server, step });
  } catch (e) {
    await workbench.screenshot(`${name}-failed`);
    throw e;
  } finally {
    fs.writeFileSync(path.join(output, `${name}-console.log`), workbench.messages.join('\n'));
    await browser.close();
    await server.close(name);
  }
}
