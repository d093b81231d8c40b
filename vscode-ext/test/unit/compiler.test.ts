import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCompiler } from '../../src/core/compiler';

test('errors have file, line, column and text', () => {
  const out = '# vitrine/kernel/syscall\nkernel/syscall/open.go:55:9: undefined: opened\nkernel/syscall/open.go:60:2: declared and not used: x\n';
  assert.deepEqual(parseCompiler(out), [
    { file: 'kernel/syscall/open.go', line: 55, column: 9, text: 'undefined: opened' },
    { file: 'kernel/syscall/open.go', line: 60, column: 2, text: 'declared and not used: x' },
  ]);
});

test('indented lines belong to the message above', () => {
  const out = './a.go:3:5: not enough arguments in call to f\n\thave (int)\n\twant (int, string)\n# other\n\tnot part of it\n';
  assert.deepEqual(parseCompiler(out), [{ file: './a.go', line: 3, column: 5, text: 'not enough arguments in call to f\nhave (int)\nwant (int, string)' }]);
});

test('places without a column, in assembly and in go.mod', () => {
  assert.deepEqual(parseCompiler('kernel/arch/amd64/switch.s:12: unrecognized instruction "MOVX"\ngo: errors parsing go.mod:7: unknown directive: requires\n'), [
    { file: 'kernel/arch/amd64/switch.s', line: 12, column: 0, text: 'unrecognized instruction "MOVX"' },
    { file: 'go.mod', line: 7, column: 0, text: 'unknown directive: requires' },
  ]);
});

test('what is said twice is one message', () => {
  const line = 'kernel/mm/fault.go:1:2: syntax error: unexpected }\n';
  assert.equal(parseCompiler(line + line).length, 1);
});

test('what names no place is left out', () => {
  assert.deepEqual(parseCompiler('# vitrine/kernel\ntoo many errors\nlink: duplicated symbol\nhttp://host:80: refused\n'), []);
});
