// Other programs that the extension runs to their end.
import { spawn } from 'node:child_process';
import type { CancellationToken } from 'vscode';

export interface Result {
  status: number | null; // null: ended by a signal
  stdout: string;
  stderr: string;
}

/** Runs a program. Rejects if it can't be started; cancelling kills it. */
export function run(
  command: string, args: readonly string[], options: { cwd?: string | undefined; env?: NodeJS.ProcessEnv | undefined; token?: CancellationToken | undefined } = {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (d: Buffer) => out.push(d));
    child.stderr.on('data', (d: Buffer) => err.push(d));
    const cancel = options.token?.onCancellationRequested(() => child.kill());
    child.on('error', (e) => {
      cancel?.dispose();
      reject(e);
    });
    child.on('close', (status) => {
      cancel?.dispose();
      resolve({ status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}
