// Drives an adapter with VS Code's own test client: node drive.js VITRINE FILE LINE
// It prints what happened; an error ends it with status 1.
'use strict';

const assert = require('node:assert');
const { DebugClient } = require('@vscode/debugadapter-testsupport');

const [, , vitrine, file, line] = process.argv;

async function main() {
  // The client starts a program with the adapter's path as its only argument.
  const dc = new DebugClient(vitrine, 'dap', 'vitrine');
  dc.defaultTimeout = 60000;
  await dc.start();
  let output = '';
  dc.on('output', (e) => { if (e.body.category === 'stdout') output += e.body.output; });

  const launch = { args: ['sh', '-c', 'read x </etc/hostname; umask 05; echo $x; umask'] };
  const [event] = await Promise.all([
    dc.waitForEvent('stopped'),
    dc.assertStoppedLocation('breakpoint', { path: file, line: Number(line) }),
    dc.launch(launch),
    dc.waitForEvent('initialized')
      .then(() => dc.setBreakpointsRequest({ source: { path: file }, breakpoints: [{ line: Number(line), condition: 'm == 5' }] }))
      .then(() => dc.configurationDoneRequest()),
  ]);
  const threadId = event.body.threadId;
  const frames = (await dc.stackTraceRequest({ threadId })).body.stackFrames;
  console.log('stopped in', frames[0].name);

  const frameId = frames[0].id;
  const scopes = (await dc.scopesRequest({ frameId })).body.scopes;
  assert.deepStrictEqual(scopes.map((s) => s.name), ['Locals', 'Arguments', 'Registers', 'Task', 'Kernel', 'Views']);
  const args = (await dc.variablesRequest({ variablesReference: scopes[1].variablesReference })).body.variables;
  assert.ok(args.some((v) => v.name === 'fs' && v.variablesReference > 0), JSON.stringify(args));
  console.log('arguments', args.map((v) => v.name).join(' '));

  const m = args.find((v) => v.name === 'm');
  const set = await dc.setVariableRequest({ variablesReference: scopes[1].variablesReference, name: 'm', value: '6' });
  assert.strictEqual(set.body.value, '6');
  console.log('m was', m.value, 'is', set.body.value);

  const top = (await dc.stackTraceRequest({ threadId })).body;
  assert.ok(top.totalFrames >= 3);
  await Promise.all([dc.nextRequest({ threadId }), dc.waitForEvent('stopped')]);
  await dc.setBreakpointsRequest({ source: { path: file }, breakpoints: [] });
  await Promise.all([dc.continueRequest({ threadId }), dc.waitForEvent('terminated')]);
  assert.strictEqual(output, 'vitrine\n0006\n');
  console.log('output', JSON.stringify(output));
  await dc.stop();
}

main().then(() => process.exit(0), (e) => { console.error(e); process.exit(1); });
