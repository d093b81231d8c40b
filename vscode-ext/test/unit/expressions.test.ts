import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expressionAt, functionStart, variablesIn } from '../../src/core/expressions';
import { inlineVariables, shortValue } from '../../src/core/inlineValues';

/** The expression at the first '^' under a line. */
function at(line: string, mark: string): string | undefined {
  return expressionAt(line, mark.indexOf('^'))?.text;
}

test('a hover means the chain up to the word', () => {
  assert.equal(at('x := t.FDs.files[i].File', '       ^'), 't.FDs'); // on FDs
  assert.equal(at('x := t.FDs.files[i].File', '           ^'), 't.FDs.files');
  assert.equal(at('x := t.FDs.files[i].File', '                 ^'), 'i');
  assert.equal(at('x := t.FDs.files[i].File', '                     ^'), 't.FDs.files[i].File');
});

test('C\'s arrows, conversions and pointers belong to it', () => {
  assert.equal(at('  return p->next->name;', '                  ^'), 'p->next->name');
  assert.equal(at('n := (*p).count', '          ^'), '(*p).count');
  assert.equal(at('a[f[1]].b = 3', '        ^'), 'a[f[1]].b');
});

test('calls, keywords, strings and comments are no expressions', () => {
  assert.equal(at('open(t, a)', ' ^'), undefined);
  assert.equal(at('f(x).field', '     ^'), 'field'); // f(x) is not called for a look
  assert.equal(at('return nil', '  ^'), undefined);
  assert.equal(at('s := "t.comm"', '       ^'), undefined);
  assert.equal(at('x++ // t.comm', '         ^'), undefined);
  assert.equal(at('x + y', '  ^'), undefined);
});

test('columns stay right behind strings', () => {
  const line = 'log("a \\" b", t.comm)';
  assert.deepEqual(expressionAt(line, line.indexOf('comm')), { from: line.indexOf('t.'), to: line.indexOf(')'), text: 't.comm' });
});

test('inline values are a line\'s variables, each once', () => {
  const names = (line: string) => variablesIn(line).map((v) => v.text);
  assert.deepEqual(names('fd, err := t.FDs.Reserve(t.Thread, 0)'), ['fd', 'err', 't']);
  assert.deepEqual(names('for i := 0; i < len(list); i++ {'), ['i', 'list']);
  assert.deepEqual(names('how.Mode = how.Mode.Perm() &^ t.FS.Umask() // mask'), ['how', 't']);
  assert.deepEqual(names('return open(t, vfs.OpenHow{Flags: a, Mode: b})'), ['t', 'vfs', 'a', 'b']);
  assert.deepEqual(names('if (p->next != NULL && *q)'), ['p', 'q']);
  assert.deepEqual(names('_ = "x" + `y`'), []);
});

test('the function around a line is where values begin', () => {
  const go = ['package x', '', 'func a() {', '\tx := 1', '}', '', 'func (t *T) b(', '\ta int,', ') error {', '\treturn nil', '}'];
  assert.equal(functionStart(go, 3), 2);
  assert.equal(functionStart(go, 9), 6);
  const c = ['#include <stdio.h>', 'static int say(char *s)', '{', '  int n = 0;', '  return n;', '}'];
  assert.equal(functionStart(c, 4), 1);
  assert.equal(functionStart([], 0), 0);
});

test('each variable has its value once, on the last line that has it', () => {
  const lines = ['x := 0 // of another function', 'func f(a, b int) int {', '\tc := a', '\treturn c + b', '}'];
  assert.deepEqual(inlineVariables(lines, 3).map((v) => [v.line, v.name]), [[2, 'a'], [3, 'c'], [3, 'b']]);
});

test('values are short', () => {
  assert.equal(shortValue('42'), '42');
  assert.equal(shortValue('*task.Task {ID: 3}'), '*task.Task {ID: 3}');
  assert.equal(shortValue(`*task.Task {ID: 3, Name: ${'x'.repeat(100)}}`), '*task.Task{…}');
  assert.equal(shortValue(`[]string len: 9, ["${'x'.repeat(100)}"]`), '[]string len: 9[…]');
  assert.equal(shortValue('a\nb'), 'a');
  assert.equal(shortValue('y'.repeat(100)).length, 48);
});
