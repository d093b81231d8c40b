import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { checkConfiguration, completeConfiguration, treeConfigurations } from '../../src/core/configuration';

const here = { tree: '/src/vitrine', folder: '/src', audio: 'none' };

test('F5 without a launch.json boots the tree that is open', () => {
  const full = completeConfiguration({}, here);
  assert.deepEqual(full, {
    type: 'vitrine', request: 'launch', name: 'Boot the kernel', program: '/src/vitrine', cwd: '/src', console: 'integratedTerminal', audio: 'none',
    internalConsoleOptions: 'neverOpen',
  });
});

test('what the user has written stays', () => {
  const mine = {
    type: 'vitrine', request: 'launch', name: 'mine', program: '/k/vkernel', cwd: '/k', console: 'internalConsole', audio: 'wav:out=/tmp/x.wav', internalConsoleOptions: 'openOnSessionStart',
  };
  assert.deepEqual(completeConfiguration(mine, here), mine);
});

test('an empty audio is no device, not the setting\'s', () => {
  assert.equal(completeConfiguration({ type: 'vitrine', request: 'launch', name: 'x', audio: '' }, { ...here, audio: 'pulse' })['audio'], '');
});

test('the debug console opens by itself where the guest\'s output goes there', () => {
  const full = completeConfiguration({ type: 'vitrine', request: 'launch', name: 'x', console: 'internalConsole' }, here);
  assert.equal(full['internalConsoleOptions'], undefined);
});

test('attach gets no terminal and no sound', () => {
  const full = completeConfiguration({ type: 'vitrine', request: 'attach', name: 'x' }, here);
  assert.deepEqual(full, { type: 'vitrine', request: 'attach', name: 'x', program: '/src/vitrine', cwd: '/src' });
});

test('the given object is left as it is', () => {
  const given = { type: 'vitrine', request: 'launch', name: 'x' };
  completeConfiguration(given, here);
  assert.deepEqual(given, { type: 'vitrine', request: 'launch', name: 'x' });
});

test('a tree\'s configurations are sound and have names of their own', () => {
  const all = treeConfigurations('/src/vitrine');
  assert.equal(new Set(all.map((c) => c.name)).size, all.length);
  all.forEach((c) => assert.equal(checkConfiguration(c), undefined));
});

test('wrong types are told in a sentence', () => {
  const launch = { type: 'vitrine', request: 'launch', name: 'x' };
  assert.match(checkConfiguration({ ...launch, request: 'run' })!, /^request: "run"/);
  assert.match(checkConfiguration({ ...launch, program: 3 })!, /^program: a text/);
  assert.match(checkConfiguration({ ...launch, args: 'ls -l' })!, /^args: a list/);
  assert.match(checkConfiguration({ ...launch, args: ['ls', 1] })!, /^args: a list/);
});

/* The manifest's schema and the page that describes the keys must agree. */
interface Manifest {
  contributes: { debuggers: { configurationAttributes: Record<'launch' | 'attach', { properties: Record<string, { description?: string }> }> }[]; commands: { command: string }[] };
}
const manifest = JSON.parse(fs.readFileSync('package.json', 'utf8')) as Manifest;

test('the schema has every key that docs/dap.md describes, and no other', () => {
  const page = fs.readFileSync('../docs/dap.md', 'utf8');
  const attributes = manifest.contributes.debuggers[0]!.configurationAttributes;
  const keysOf = (heading: string) => {
    const section = page.split(`## ${heading}\n`)[1]!.split('\n## ')[0]!;
    return [...section.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap((m) => [...m[1]!.matchAll(/\w+/g)].map((w) => w[0]));
  };
  assert.deepEqual(Object.keys(attributes.launch.properties).sort(), keysOf('launch').sort());
  const attach = keysOf('attach').filter((k) => k !== 'name'); // VS Code's own
  assert.deepEqual(Object.keys(attributes.attach.properties).sort(), [...attach, 'program'].sort());
});

test('every attribute is described', () => {
  for (const { properties } of Object.values(manifest.contributes.debuggers[0]!.configurationAttributes)) {
    for (const [name, p] of Object.entries(properties)) {
      assert(p.description, name);
    }
  }
});
