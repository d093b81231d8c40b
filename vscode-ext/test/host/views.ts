import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { Api } from '../../src/extension';
import { end, type Kernel, launch, say, until } from './kernel';

/** A tree of the extension: what the view Processes and its like show. */
interface Tree {
  getChildren(node?: unknown): vscode.ProviderResult<unknown[]>;
  getTreeItem(node: unknown): vscode.TreeItem;
}

/** The texts of the rows under a row, by the labels that lead to it. */
async function rows(tree: Tree, ...path: RegExp[]): Promise<string[]> {
  let children = (await tree.getChildren()) ?? [];
  for (const label of path) {
    const node = children.find((n) => label.test(textOf(tree, n)));
    if (node === undefined) return [];
    children = (await tree.getChildren(node)) ?? [];
  }
  return children.map((n) => textOf(tree, n));
}

function textOf(tree: Tree, node: unknown): string {
  const item = tree.getTreeItem(node);
  return `${String(item.label)} ${String(item.description ?? '')}`;
}

suite('views', () => {
  let views: Api['views'];
  let kernel: Kernel;

  suiteSetup(async () => {
    views = ((await vscode.extensions.getExtension('vitrine.vitrine')!.activate()) as Api).views;
    kernel = await launch({ console: 'internalConsole', args: ['sh', '-c', 'i=0; while [ $i -lt 500 ]; do sleep 1000 & i=$((i+1)); done; echo all; read x'] });
    await until('500 processes', () => kernel.traffic.events.some((e) => e.event === 'output' && /\ball\b/.test(String(e.body!.output))));
  });
  suiteTeardown(() => end(kernel));

  test('Processes shows the tree with threads, files, maps and signals', async () => {
    await vscode.commands.executeCommand('vitrine.processes.focus');
    await until('it is filled', async () => (await rows(views.processes)).length > 0);
    assert.match((await rows(views.processes))[0]!, /^1 init S wait\b/);
    const sh = /^\d+ sh /;
    await until('all sleep', async () => (await rows(views.processes, /^1 init/, sh)).filter((r) => /^\d+ sleep S /.test(r)).length === 500);
    assert((await rows(views.processes, /^1 init/, sh, /^Files/)).some((r) => r.startsWith('0 ')));
    assert((await rows(views.processes, /^1 init/, sh, /^Maps/)).some((r) => r.includes('/bin/box')));
    assert((await rows(views.processes, /^1 init/, sh, /^Signals/)).length > 0);
    assert((await rows(views.processes, /^1 init/, sh, /^Threads/)).length > 0);
  });

  test('Devices shows drivers and virtqueues', async () => {
    await vscode.commands.executeCommand('vitrine.devices.focus');
    await until('it is filled', async () => (await rows(views.devices)).length > 0);
    const devices = await rows(views.devices);
    assert(devices.some((d) => d.includes('console')), devices.join('\n'));
    assert((await rows(views.devices, /console/)).some((r) => r.startsWith('virtqueue ')));
  });

  test('Kernel Views shows every table and its rows', async () => {
    await vscode.commands.executeCommand('vitrine.views.focus');
    await until('it is filled', async () => (await rows(views.kernel)).length > 0);
    const names = (await rows(views.kernel)).map((r) => r.split(' ')[0]);
    for (const name of ['cpus', 'irqs', 'timers', 'files']) assert(names.includes(name), names.join(' '));
    await until('cpus has rows', async () => (await rows(views.kernel, /^cpus/)).some((r) => /\d/.test(r)));
  });

  test('views that are open ask at most ten times a second each while the machine runs', async () => {
    const seconds = 5;
    const before = kernel.traffic.requests.length;
    await new Promise((f) => setTimeout(f, 1000 * seconds)); // what is measured is a rate
    const asked = kernel.traffic.requests.slice(before).map((r) => r.command!);
    const counts = new Map<string, number>();
    for (const command of asked) counts.set(command, (counts.get(command) ?? 0) + 1);
    say(`requests in ${seconds} s with three views open: ${[...counts].map(([command, n]) => `${n} ${command}`).join(', ') || 'none'}`);
    assert(asked.length > 0, 'they are live');
    assert(asked.length <= 3 * 10 * seconds);
  });

  test('500 processes are told in a moment', async () => {
    const took: number[] = [];
    for (let i = 0; i < 5; i++) {
      const started = performance.now();
      const { processes } = await kernel.session.customRequest('vitrine/processes');
      took.push(Math.round(performance.now() - started));
      assert(processes.length >= 502);
    }
    say(`vitrine/processes with 502 processes: ${took.join(', ')} ms`);
    assert(Math.min(...took) < 2000); // on a quiet machine well under 200
  });
});
