// Builds the extension into dist/: extension.js for the extension host, one script for each webview.
// --watch rebuilds, --production minifies, --tests builds the unit tests into out/.
import * as esbuild from 'esbuild';
import { readdirSync, rmSync } from 'node:fs';

const has = (flag) => process.argv.includes(flag);
const common = { bundle: true, sourcemap: !has('--production'), minify: has('--production'), logLevel: 'info', target: 'es2022' };

const extension = {
  ...common, entryPoints: ['src/extension.ts'], outfile: 'dist/extension.js', platform: 'node', format: 'cjs', external: ['vscode'],
};
const webviews = {
  ...common, entryPoints: ['syscalls', 'sound', 'log'].map((name) => `src/webview/${name}.ts`), outdir: 'dist/webview', platform: 'browser', format: 'iife',
};
const tests = {
  ...common, entryPoints: readdirSync('test/unit').filter((f) => f.endsWith('.test.ts')).map((f) => `test/unit/${f}`),
  outdir: 'out/test/unit', outExtension: { '.js': '.cjs' }, platform: 'node', format: 'cjs', minify: false, sourcemap: true,
};

if (has('--watch')) {
  for (const options of [extension, webviews]) {
    await (await esbuild.context(options)).watch();
  }
} else if (has('--tests')) {
  rmSync('out', { recursive: true, force: true });
  await esbuild.build(tests);
} else {
  rmSync('dist', { recursive: true, force: true });
  await Promise.all([extension, webviews].map((options) => esbuild.build(options)));
}
