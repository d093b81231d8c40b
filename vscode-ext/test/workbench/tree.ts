// A copy of the source tree, to open, to build and to change.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { cache, run } from './server.ts';

const repository = path.resolve(import.meta.dirname, '../../..');

/** Makes a copy of the tree without its .vscode folder and returns where. The copy of the last run is brought up to date: what was built
 * from files that are the same is not built again. */
export async function copyTree(): Promise<string> {
  const dir = path.join(cache, 'tree');
  const list = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', '.', ':!vscode-ext', ':!.vscode'], process.env, repository);
  const files = new Set(list.split('\0').filter((f) => f && fs.existsSync(path.join(repository, f))));
  fs.mkdirSync(dir, { recursive: true });
  for (const old of fs.readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const file = path.join(old.parentPath, old.name);
    if (!old.isDirectory() && !files.has(path.relative(dir, file))) fs.rmSync(file);
  }
  for (const f of files) {
    const [from, to] = [fs.readFileSync(path.join(repository, f)), path.join(dir, f)];
    if (fs.existsSync(to) && fs.readFileSync(to).equals(from)) continue;
    fs.mkdirSync(path.dirname(to), { recursive: true });
    fs.writeFileSync(to, from);
  }
  return dir;
}

/** The number of the first line of a file that has a text, 1 for the first. */
export function lineOf(file: string, text: string): number {
  const n = fs.readFileSync(file, 'utf8').split('\n').findIndex((l) => l.includes(text));
  if (n < 0) throw new Error(`${file} has no line with ${JSON.stringify(text)}`);
  return n + 1;
}
