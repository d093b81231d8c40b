import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFilter, describeCall, duration, familyOf, mostCalls, ticks, time, Timeline } from '../../src/core/timeline';
import type { Syscall } from '../../src/protocol';

let seq = 0;
const call = (start: number, end: number, more: Partial<Syscall> = {}): Syscall => ({
  seq: seq++, pid: 1, tid: 1, comm: 'sh', nr: 0, name: 'read', args: ['0', '""', '1'], ret: 0, start_ns: start, end_ns: end, ...more,
});

test('tasks have lanes, by process and number, with their last name', () => {
  const t = new Timeline();
  t.add([call(0, 1, { pid: 9, tid: 9 }), call(1, 2, { pid: 2, tid: 3 }), call(2, 3, { pid: 2, tid: 2 }), call(3, 4, { pid: 9, tid: 9, comm: 'cat' })]);
  assert.deepEqual(t.lanes.map((l) => [l.tid, l.comm]), [[2, 'sh'], [3, 'sh'], [9, 'cat']]);
});

test('a filter\'s words must all be there; ! forbids one', () => {
  const open = call(0, 1, { name: 'openat', comm: 'cat', errno: 'ENOENT', args: ['AT_FDCWD', '"/etc/Passwd"'] });
  for (const text of ['', 'open', 'openat cat', 'ENOENT', 'passwd', '!write', 'open !sh', '!']) {
    assert(compileFilter(text)(open), text);
  }
  for (const text of ['pen', 'openat sh', '!openat', '!enoent', 'EPERM']) {
    assert(!compileFilter(text)(open), text);
  }
});

test('filtered tasks have no lane, and come back', () => {
  const t = new Timeline();
  t.add([call(0, 1), call(1, 2, { tid: 2, comm: 'cat' })]);
  t.setFilter('cat');
  assert.deepEqual(t.lanes.map((l) => l.tid), [2]);
  t.setFilter('');
  assert.equal(t.lanes.length, 2);
});

test('a task has a lane where it has calls', () => {
  const t = new Timeline();
  t.add([call(0, 10), call(5e9, 6e9, { tid: 2 })]);
  assert.deepEqual(t.lanes.map((l) => l.tid), [2]);
  t.fit();
  assert.deepEqual(t.lanes.map((l) => l.tid), [1, 2]);
});

test('the newest calls stay, the oldest go', () => {
  const t = new Timeline();
  t.add(Array.from({ length: mostCalls + 5 }, (_, i) => call(i, i + 1)), 3);
  assert.equal(t.calls.length, mostCalls);
  assert.equal(t.calls[0]!.start_ns, 5);
  assert.equal(t.dropped, 3);
});

test('following keeps the newest in sight; who looks back is left alone', () => {
  const t = new Timeline();
  t.add([call(0, 5e9)]);
  assert.deepEqual(t.span, { from: 4e9, to: 5e9 });
  t.pan(-1);
  t.add([call(5e9, 9e9)]);
  assert.deepEqual(t.span, { from: 3e9, to: 4e9 });
  t.follow();
  assert.deepEqual(t.span, { from: 8e9, to: 9e9 });
});

test('zooming keeps the point under the pointer', () => {
  const t = new Timeline();
  t.following = false;
  t.span = { from: 1000e6, to: 2000e6 };
  t.zoom(0.5, 0.25);
  assert.deepEqual(t.span, { from: 1125e6, to: 1625e6 });
  t.zoom(2, 0.25);
  assert.deepEqual(t.span, { from: 1000e6, to: 2000e6 });
  for (let i = 0; i < 100; i++) {
    t.zoom(0.1, 0.5);
  }
  assert.equal(t.span.to - t.span.from, 1000, 'but not to nothing');
});

test('fit shows the first and the last', () => {
  const t = new Timeline();
  t.add([call(1e9, 2e9), call(3e9, 4e9)]);
  t.fit();
  assert(t.span.from < 1e9 && t.span.to > 4e9 && !t.following);
  new Timeline().fit(); // nothing to show is no error
});

test('places are in proportion, and wide enough to see', () => {
  const t = new Timeline();
  t.following = false;
  t.span = { from: 0, to: 1000 };
  assert.deepEqual(t.place(call(250, 750), 400), { x: 100, w: 200 });
  assert.equal(t.place(call(250, 250), 400).w, 2);
});

test('only what is in the span is drawn', () => {
  const t = new Timeline();
  t.add([call(0, 10), call(2e9, 3e9), call(9e9, 9e9 + 10)]);
  t.following = false;
  t.span = { from: 1e9, to: 4e9 };
  assert.deepEqual([...t.visible(300)].map((v) => [v.lane, Math.round(v.x), Math.round(v.w)]), [[0, 100, 100]]);
});

test('a click finds the call in its lane, or one within reach', () => {
  const t = new Timeline();
  const a = call(100, 200);
  const b = call(100, 200, { tid: 2 });
  t.add([a, b]);
  t.following = false;
  t.span = { from: 0, to: 1000 };
  assert.equal(t.at(0, 150, 1000), a);
  assert.equal(t.at(1, 150, 1000), b);
  assert.equal(t.at(0, 203, 1000), a);
  assert.equal(t.at(0, 210, 1000), undefined);
  assert.equal(t.at(2, 150, 1000), undefined);
});

test('marks are at round numbers, with the digits they need', () => {
  assert.deepEqual(ticks({ from: 1.05e9, to: 1.32e9 }, 3).map((t) => t.label), ['1.1 s', '1.2 s', '1.3 s']);
  assert.deepEqual(ticks({ from: 0, to: 4000 }, 4).map((t) => t.at), [0, 1000, 2000, 3000, 4000]);
  assert.equal(time(1_234_567_000), '1.234567 s');
});

test('lengths and calls in words', () => {
  assert.deepEqual([5, 1500, 25_000, 3e6, 2.5e9].map(duration), ['5 ns', '1.50 µs', '25.0 µs', '3.00 ms', '2.50 s']);
  assert.equal(describeCall(call(0, 5)), 'read(0, "", 1) = 0  5 ns');
  assert.equal(describeCall(call(0, 5, { errno: 'EBADF', ret: -9 })), 'read(0, "", 1) = -1 EBADF  5 ns');
});

test('calls have colours by what they are about', () => {
  const families = Object.fromEntries(['openat', 'mmap', 'clone3', 'rt_sigaction', 'sendto', 'clock_gettime', 'mystery', 'wait4', 'writev'].map((n) => [n, familyOf(n)]));
  assert.deepEqual(families, {
    openat: 'file', mmap: 'memory', clone3: 'process', rt_sigaction: 'signal', sendto: 'socket', clock_gettime: 'time', mystery: 'other', wait4: 'process', writev: 'file',
  });
});
