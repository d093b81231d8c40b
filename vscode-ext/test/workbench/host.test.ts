// Runs test/host/suite in VS Code's own extension host: a window is opened that asks for it, as VS Code's own tests do.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { browse } from './browser.ts';
import { extension, otherGo, output, run, Server } from './server.ts';
import { copyTree } from './tree.ts';

const root = path.resolve(import.meta.dirname, '../..');

test('the extension in its host', { timeout: 600_000 }, async (t) => {
  await run(path.join(root, 'node_modules/.bin/esbuild'), [
    path.join(root, 'test/host/index.ts'), '--bundle', '--platform=node', '--format=cjs', '--sourcemap=inline', '--external:vscode', '--external:mocha',
    `--outfile=${path.join(root, 'out/host/index.js')}`,
  ]);
  const tree = await copyTree();
  const server = await Server.start({ extensions: [extension, otherGo], driver: true });
  const browser = await browse();
  try {
    const page = await browser.newPage();
    const log = fs.createWriteStream(path.join(output, 'host-console.log'));
    await page.exposeFunction('codeAutomationLog', (_type: string, args: unknown[]) => {
      const line = args.join(' ').trimEnd();
      log.write(`${line}\n`);
      if (line.startsWith('test: ')) t.diagnostic(line.slice('test: '.length));
    });
    const ended = new Promise<number>((resolve) => void page.exposeFunction('codeAutomationExit', resolve));
    const remote = (file: string) => `vscode-remote://${server.address}${file}`;
    const payload = JSON.stringify([
      ['extensionDevelopmentPath', remote(path.join(root, 'test/host/extension'))], ['extensionTestsPath', remote(path.join(root, 'out/host/index'))], ['skipWelcome', 'true'],
    ]);
    await page.goto(`http://${server.address}/?folder=${tree}&payload=${encodeURIComponent(payload)}`, { waitUntil: 'commit' });
    const status = await ended;
    await page.screenshot({ path: path.join(output, 'host.png') });
    assert.equal(status, 0, 'what failed is above');
  } finally {
    await browser.close();
    await server.close('host');
  }
});
