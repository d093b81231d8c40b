import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeObstacles, obstacles, parseDoctor } from '../../src/core/doctor';

const report = `ok    kernel           Linux 6.1.0
LACK  processor        emulated (Apple's Rosetta, or ARM): VirtualApple @ 2.50GHz
                       → x86-64 programs are translated here, not run
                       → On Apple silicon use a virtual machine
slow  userfaultfd      not allowed: operation not permitted
                       → page faults cost four times as much
note  debugging        kernel.yama.ptrace_scope = 3: no debugger for the kernel
                       → sysctl kernel.yama.ptrace_scope=1
note  go               no go command in PATH: the kernel in /src can't be built
note  C compiler       none: no C demo programs in the default userland

Vitrine can't run here as things are.
`;

test('findings have severity, name, words and advice', () => {
  const all = parseDoctor(report);
  assert.deepEqual(all.map((f) => [f.severity, f.name]), [
    ['ok', 'kernel'], ['LACK', 'processor'], ['slow', 'userfaultfd'], ['note', 'debugging'], ['note', 'go'], ['note', 'C compiler'],
  ]);
  assert.deepEqual(all[1]!.advice, ['x86-64 programs are translated here, not run', 'On Apple silicon use a virtual machine']);
  assert.deepEqual(all[4]!.advice, []);
});

test('what forbids debugging is an obstacle, what is only slow is none', () => {
  assert.deepEqual(obstacles(parseDoctor(report), false).map((f) => f.name), ['processor', 'debugging']);
});

test('without Go a tree can\'t be built', () => {
  assert.deepEqual(obstacles(parseDoctor(report), true).map((f) => f.name), ['processor', 'debugging', 'go']);
});

test('a good host has no obstacles', () => {
  assert.deepEqual(obstacles(parseDoctor('ok    kernel           Linux 6.1.0\n\nVitrine runs here.\n'), true), []);
});

test('they are told in the doctor\'s words', () => {
  const text = describeObstacles(obstacles(parseDoctor(report), false));
  assert.match(text, /^processor: emulated .* → x86-64 programs .* On Apple silicon use a virtual machine · debugging: /);
});
