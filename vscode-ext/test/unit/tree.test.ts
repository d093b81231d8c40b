import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { cacheOf, findCommand, findTree, fingerprint, isFresh, isTree, packageDirs } from '../../src/core/tree';

let tree: string;

beforeEach(() => {
  tree = fs.mkdtempSync(path.join(os.tmpdir(), 'vitrine-tree-'));
  write('go.mod', 'module vitrine\n\ngo 1.26\n');
  write('cmd/vkernel/main.go', 'package main\n');
  write('dap/server.go', 'package dap\n');
});
afterEach(() => fs.rmSync(tree, { recursive: true }));

function write(name: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
  fs.writeFileSync(path.join(tree, name), text);
}

test('a tree is known by its module and its kernel', () => {
  assert(isTree(tree));
  assert(!isTree(path.join(tree, 'dap')));
  write('go.mod', 'module other\n');
  assert(!isTree(tree));
});

test('it is found from any place inside', () => {
  assert.equal(findTree(path.join(tree, 'cmd', 'vkernel', 'main.go')), tree);
  assert.equal(findTree(path.dirname(tree)), undefined);
});

test('a product is fresh until a source of its packages changes', () => {
  const product = path.join(tree, 'vitrine');
  const install = () => {
    fs.writeFileSync(product, '#!/bin/sh\n', { mode: 0o755 });
    fs.writeFileSync(`${product}.stamp`, JSON.stringify({ dirs: ['dap'], sum: fingerprint(tree, ['dap']) }));
  };
  assert(!isFresh(tree, product), 'there is none');
  install();
  assert(isFresh(tree, product));
  write('cmd/vkernel/main.go', 'package main // not one of its packages\n');
  write('dap/server_test.go', 'package dap\n');
  assert(isFresh(tree, product), 'tests and other packages do not count');
  write('dap/server.go', 'package dap // longer\n');
  assert(!isFresh(tree, product), 'a changed file');
  install();
  write('dap/new.go', 'package dap\n');
  assert(!isFresh(tree, product), 'a new file');
  install();
  write('go.sum', 'x\n');
  assert(!isFresh(tree, product), 'another version of a module');
  install();
  fs.rmSync(path.join(tree, 'dap'), { recursive: true });
  assert(!isFresh(tree, product), 'a package that has gone');
});

test('a damaged stamp means a build', () => {
  const product = path.join(tree, 'vitrine');
  fs.writeFileSync(product, '', { mode: 0o755 });
  for (const text of ['', '{', '{"dirs":1}', 'null']) {
    fs.writeFileSync(`${product}.stamp`, text);
    assert(!isFresh(tree, product), text);
  }
});

test('of a program\'s packages those in the tree count', () => {
  assert.deepEqual(packageDirs('/src/v', '/usr/local/go/src/fmt\n/src/v/dap\n/src/v/cmd/vitrine\n/src/vitrine-other\n\n'), ['dap', 'cmd/vitrine']);
});

test('two trees of the same name have two caches', () => {
  const env = { XDG_CACHE_HOME: '/c' };
  assert.match(cacheOf('/a/vitrine', env), /^\/c\/vitrine\/editor-vitrine-[0-9a-f]{16}$/);
  assert.notEqual(cacheOf('/a/vitrine', env), cacheOf('/b/vitrine', env));
  assert.match(cacheOf('/a/vitrine', { HOME: '/h' }), /^\/h\/\.cache\/vitrine\//);
});

test('a command is an executable file, in PATH before other places', () => {
  write('bin/tool', '');
  write('other/tool', '');
  fs.chmodSync(path.join(tree, 'other/tool'), 0o755);
  const env = { PATH: `${tree}/bin:${tree}/none` };
  const place = path.join(tree, 'other/tool');
  assert.equal(findCommand('tool', env), undefined, 'not executable');
  assert.equal(findCommand('tool', env, [place]), place);
  fs.chmodSync(path.join(tree, 'bin/tool'), 0o755);
  assert.equal(findCommand('tool', env, [place]), path.join(tree, 'bin/tool'));
  assert.equal(findCommand('vkernel', { PATH: path.join(tree, 'cmd') }), undefined, 'a directory');
});
