// What becomes of machines when their window is closed.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import { test } from 'node:test';
import { inWorkbench } from './fixture.ts';
import { extension, output, run, type Server, until } from './server.ts';
import { copyTree } from './tree.ts';
import { prompt } from './workbench.ts';

const vitrine = path.join(output, 'bin/vitrine');

/** The names of the machines that the server's extensions can see. */
async function machines(server: Server): Promise<string[]> {
  const table = await run(vitrine, ['ps'], server.env);
  return table.split('\n').slice(1).map((row) => row.split(' ')[0]!).filter((name) => name !== '').sort();
}

test('a closed window ends the machine that it launched, and leaves one that it attached to', { timeout: 300_000 }, async (t) => {
  const tree = await copyTree();
  const options = { extensions: [extension], settings: { 'vitrine.path': vitrine } };
  let machine: ChildProcess | undefined;
  await inWorkbench(t, 'closing', tree, options, async ({ workbench: w, server, step }) => {
    machine = spawn(vitrine, ['run', '-name', 'stays', '--', 'sleep', '1000'], { cwd: tree, env: server.env, stdio: 'ignore' });
    try {
      await until('a machine runs', async () => (await machines(server)).includes('stays'));
      await step('a session attaches to a machine', async () => {
        await w.ready();
        await w.command('Vitrine: Attach to a Machine…');
        await w.debugToolbar.waitFor();
      });
      await step('another launches one', async () => {
        await w.command('Vitrine: Boot the Kernel');
        await w.terminal.waitFor(prompt);
        assert.deepEqual(await machines(server), ['stays', 'vitrine']);
      });
      await w.close();
      await until('the launched one has ended', async () => !(await machines(server)).includes('vitrine'));
      assert.deepEqual(await machines(server), ['stays']);
      assert.equal(machine.exitCode, null);
    } finally {
      machine.kill();
      await once(machine, 'exit');
    }
  });
});
