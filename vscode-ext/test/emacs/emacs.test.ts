// Emacs is another client of `vitrine dap`: Debian's dap-mode, in batch.
import { test } from 'node:test';
import * as path from 'node:path';
import { output, run } from '../workbench/server.ts';
import { copyTree } from '../workbench/tree.ts';

test('dap-mode of Emacs launches, stops, looks, steps and continues', { timeout: 300_000 }, async (t) => {
  const env = { ...process.env, VITRINE: path.join(output, 'bin/vitrine'), VITRINE_TREE: await copyTree() };
  const said = await run('emacs', ['-q', '--batch', '-l', path.join(import.meta.dirname, 'dap.el')], env);
  for (const line of said.trimEnd().split('\n')) t.diagnostic(line);
});
