import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { parseLogLine } from '../../src/core/logModel';
import { parseMachines } from '../../src/core/machines';
import { byParent, describeProcess, detailRows, seconds } from '../../src/core/processModel';
import { entryFrame, sideOf } from '../../src/core/stack';
import { onlyProgram, parseSystemCalls, readSystemCalls, syscallBreakpoint } from '../../src/core/syscalls';
import { alignTable, cell, rowNames, rowsWhere, rowText } from '../../src/core/table';
import type { Process } from '../../src/protocol';

const process = (pid: number, ppid: number, more: Partial<Process> = {}): Process => ({
  pid, ppid, comm: `p${pid}`, state: 'S', wait: '', cpu_ns: 0, uid: 0, started_ns: 0, threads: [], ...more,
});

test('processes are under their parents, in the order of their numbers', () => {
  const children = byParent([process(7, 2), process(2, 1), process(1, 0), process(5, 2)]);
  assert.deepEqual(children.get(0)?.map((p) => p.pid), [1]);
  assert.deepEqual(children.get(2)?.map((p) => p.pid), [5, 7]);
});

test('one whose parent is not there is at the top, one that is its own parent, too', () => {
  assert.deepEqual(byParent([process(3, 99), process(4, 4)]).get(0)?.map((p) => p.pid), [3, 4]);
});

test('a process says what it does', () => {
  const thread = { tid: 1, name: 'x', state: 'S', wait: '' };
  assert.equal(describeProcess(process(1, 0, { wait: 'pipe_read', cpu_ns: 1.25e9 })), 'S pipe_read · 1.3 s');
  assert.equal(describeProcess(process(1, 0, { state: 'R', threads: [thread, thread] })), 'R · 0 ms · 2 threads');
});

test('times have the digits that are worth reading', () => {
  assert.deepEqual([0, 40_000, 12e6, 250e6, 61e9].map(seconds), ['0 ms', '0.04 ms', '12 ms', '0.3 s', '1:01 min']);
});

test('details are rows', () => {
  const d = {
    files: [{ fd: 1, path: '/dev/console', flags: 'O_RDWR', pos: 0 }, { fd: 3, path: '/etc/passwd', flags: 'O_RDONLY', pos: 17 }],
    maps: [{ start: '0x1000', end: '0x2000', prot: 'r-xp', path: '/bin/sh', offset: '0x0' }],
    signals: { pending: [], blocked: ['SIGINT', 'SIGTERM'], ignored: [], caught: [] },
  };
  assert.deepEqual(detailRows(d, 'Files')[1], { label: '3  /etc/passwd', description: 'O_RDONLY at 17' });
  assert.deepEqual(detailRows(d, 'Maps'), [{ label: '0x1000-0x2000 r-xp', description: '/bin/sh' }]);
  assert.deepEqual(detailRows(d, 'Signals')[1], { label: 'blocked', description: 'SIGINT SIGTERM' });
});

const table = { name: 'devices', head: ['SLOT', 'NAME', 'STATE'], rows: [['0', 'console0', 'ok'], ['1', 'snd0', '']], exprs: ['', ''] };

test('cells are found by their heads', () => {
  assert.equal(cell(table, table.rows[1]!, 'NAME'), 'snd0');
  assert.equal(cell(table, table.rows[1]!, 'NONE'), '');
  assert.deepEqual(rowsWhere(table, 'NAME', 'snd0'), [table.rows[1]]);
  assert.deepEqual(rowsWhere(table, 'NONE', 'snd0'), []);
});

test('a row\'s text has what says something', () => {
  assert.equal(rowText(table, table.rows[1]!, 1), 'NAME=snd0');
});

test('rows are called by the first column where that tells them apart', () => {
  assert.deepEqual(rowNames(table), ['0', '1']);
  assert.deepEqual(rowNames({ ...table, rows: [['a'], ['a']] }), ['0', '1']);
  assert.deepEqual(rowNames({ ...table, rows: [['']] }), ['0']);
});

test('tables are aligned, whatever the cells are made of', () => {
  assert.equal(alignTable({ ...table, rows: [['0', 'sönd', 'x'], ['10', 'a']], truncated: true }), 'SLOT  NAME  STATE\n0     sönd  x\n10    a\n… there is more\n');
});

test('the machines that `vitrine ps` lists', () => {
  const out = 'NAME     PID  STATE    UP    CPUS  RAM   COMMAND\nv1       123  running  1m2s  1     512M  (shell)\ncrimson  9    stopped  3s    4     1G    cat /etc/passwd\n';
  assert.deepEqual(parseMachines(out), [
    { name: 'v1', state: 'running', up: '1m2s', command: '(shell)' },
    { name: 'crimson', state: 'stopped', up: '3s', command: 'cat /etc/passwd' },
  ]);
  assert.deepEqual(parseMachines(''), []);
  assert.deepEqual(parseMachines('no machine runs\n'), []);
});

test('system calls are read from their definitions', () => {
  const source = 'func init() {\n\tDefine(257, "openat", sysOpenat, In("dirfd", DirFD), In("path", Path), Lacks("x"))\n\tDefine(39, "getpid", sysGetpid)\n}\n';
  assert.deepEqual(parseSystemCalls(source, 'open.go'), [
    { nr: 257, name: 'openat', args: ['dirfd', 'path'], file: 'open.go' },
    { nr: 39, name: 'getpid', args: [], file: 'open.go' },
  ]);
});

test('this tree\'s are those that its reference page lists', () => {
  const page = fs.readFileSync('../docs/ref/syscalls.md', 'utf8');
  const listed = [...page.matchAll(/^\| (\d+) \| `?(\w+)`?/gm)].map((m) => m[2]).sort();
  assert(listed.length > 200);
  assert.deepEqual(readSystemCalls('..').map((c) => c.name).sort(), listed);
  assert.deepEqual(readSystemCalls('/nonexistent'), []);
});

test('their breakpoints have the server\'s names', () => {
  assert.equal(syscallBreakpoint('openat'), 'syscall:openat');
  assert.equal(syscallBreakpoint('*', 'both'), 'syscall:*:both');
  assert.equal(onlyProgram('a"b'), 'comm == "a\\"b"');
});

test('a stack has sides', () => {
  const kernel = { name: 'sysWrite', moduleId: 1, instructionPointerReference: '0x401000' };
  const boundary = { name: '── system call', presentationHint: 'label' as const };
  const program = { name: 'write', moduleId: '12 /bin/prog', instructionPointerReference: '0x410a54@12' };
  assert.deepEqual([kernel, boundary, program].map(sideOf), ['kernel', 'boundary', 'program']);
  const trap = { ...kernel, name: 'vitrine/kernel/trap.handle' };
  assert.equal(entryFrame([kernel, kernel, trap, kernel, boundary, program]), 1);
  assert.equal(entryFrame([kernel, trap, kernel]), undefined, 'a thread of the kernel\'s own');
  assert.equal(entryFrame([program, program]), undefined, 'it is in the program');
});

test('log lines have a time and a weight', () => {
  assert.deepEqual(parseLogLine('[    0.001234] boot: 512 MiB'), { time: '[    0.001234]', text: 'boot: 512 MiB', level: 'normal' });
  assert.equal(parseLogLine('[   12.000000] Oops: nil pointer').level, 'error');
  assert.equal(parseLogLine('[   12.000000] mount failed').level, 'warning');
  assert.deepEqual(parseLogLine('free text'), { time: '', text: 'free text', level: 'normal' });
});
