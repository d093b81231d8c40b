// What a source tree of Vitrine is, and whether the command that was built from it is still what the sources say.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** Reports whether a directory is the root of a source tree; the same test as the command's own. */
export function isTree(dir: string): boolean {
  try {
    return fs.readFileSync(path.join(dir, 'go.mod'), 'utf8').startsWith('module vitrine\n') && fs.statSync(path.join(dir, 'cmd', 'vkernel')).isDirectory();
  } catch {
    return false;
  }
}

/** Returns the source tree that a file or directory lies in. */
export function findTree(start: string): string | undefined {
  for (let dir = path.resolve(start); ; dir = path.dirname(dir)) {
    if (isTree(dir)) {
      return dir;
    }
    if (dir === path.dirname(dir)) {
      return undefined;
    }
  }
}

/** The directory for what is built from a tree: one of the user's cache, so the tree stays as it is. */
export function cacheOf(tree: string, env: NodeJS.ProcessEnv = process.env): string {
  const cache = env['XDG_CACHE_HOME'] || path.join(env['HOME'] || os.homedir(), '.cache');
  const sum = createHash('sha256').update(tree).digest('hex').slice(0, 16);
  return path.join(cache, 'vitrine', `editor-${path.basename(tree)}-${sum}`);
}

/** What a product was built from; it lies beside it as NAME.stamp. */
export interface Stamp {
  dirs: string[]; // of the packages that it is made of, relative to the tree
  sum: string; // of their files' names, sizes and times
}

/** Sums up names, sizes and times of the sources in the directories, and of the module's files. */
export function fingerprint(tree: string, dirs: readonly string[]): string {
  const sum = createHash('sha256');
  const add = (file: string) => {
    const st = fs.statSync(path.join(tree, file), { throwIfNoEntry: false });
    sum.update(`${file} ${st?.size} ${st?.mtimeMs}\n`);
  };
  ['go.mod', 'go.sum'].forEach(add);
  for (const dir of [...dirs].sort()) {
    let names: string[];
    try {
      names = fs.readdirSync(path.join(tree, dir));
    } catch {
      names = []; // a package has gone: that changes the sum
    }
    sum.update(`${dir}:\n`);
    for (const name of names.sort()) {
      if (isSource(name)) {
        add(path.join(dir, name));
      }
    }
  }
  return sum.digest('hex');
}

function isSource(name: string): boolean {
  return /\.(s|S|h|c)$/.test(name) || (name.endsWith('.go') && !name.endsWith('_test.go'));
}

/** Reports whether the product exists and was built from the sources as they are. */
export function isFresh(tree: string, product: string): boolean {
  try {
    fs.accessSync(product, fs.constants.X_OK);
    const stamp = JSON.parse(fs.readFileSync(`${product}.stamp`, 'utf8')) as Stamp;
    return Array.isArray(stamp.dirs) && stamp.sum === fingerprint(tree, stamp.dirs);
  } catch {
    return false;
  }
}

/** Reads the directories of `go list -deps`, one a line, of which those in the tree count. */
export function packageDirs(tree: string, list: string): string[] {
  const inTree = list.split('\n').map((dir) => path.relative(tree, dir.trim()));
  return inTree.filter((dir) => dir !== '' && !dir.startsWith('..') && !path.isAbsolute(dir));
}

/** Finds a command in PATH, or one of the places behind it. */
export function findCommand(name: string, env: NodeJS.ProcessEnv = process.env, places: readonly string[] = []): string | undefined {
  const inPath = (env['PATH'] ?? '').split(path.delimiter).filter((dir) => dir !== '').map((dir) => path.join(dir, name));
  return [...inPath, ...places].find((file) => {
    try {
      fs.accessSync(file, fs.constants.X_OK);
      return fs.statSync(file).isFile();
    } catch {
      return false;
    }
  });
}
