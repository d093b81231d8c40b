import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { alive, attach, end, launch, until } from './kernel';

const shell = { console: 'internalConsole', args: ['sh', '-c', 'read x'] };

suite('sessions', () => {
  test('a launched kernel ends with its session', async () => {
    const k = await launch(shell);
    assert(alive(k.pid));
    await end(k);
    await until('the kernel has ended', () => !alive(k.pid));
  });

  test('several kernels at once are several sessions', async () => {
    const [a, b] = [await launch({ ...shell, machine: 'one' }), await launch({ ...shell, machine: 'two' })];
    assert.notEqual(a.pid, b.pid);
    for (const k of [a, b]) {
      await until('it has booted', async () => {
        const { threads } = await k.session.customRequest('threads');
        return threads.some((t: { name: string }) => /\binit\b/.test(t.name));
      });
    }
    await end(a);
    await until('the first has ended', () => !alive(a.pid));
    assert(alive(b.pid), 'the other runs on');
    await end(b);
  });

  test('an attached kernel runs on when its session ends', async () => {
    const launched = await launch({ ...shell, machine: 'stays' });
    const attached = await attach('stays');
    assert.equal(attached.pid, launched.pid);
    await end(attached);
    assert(alive(launched.pid));
    await launched.session.customRequest('threads');
    await end(launched);
  });

  test('another extension that claims Go gets the same breakpoints', async () => {
    const file = vscode.Uri.joinPath(vscode.workspace.workspaceFolders![0]!.uri, 'kernel/syscall/chmod.go');
    const breakpoint = new vscode.SourceBreakpoint(new vscode.Location(file, new vscode.Position(20, 0)));
    vscode.debug.addBreakpoints([breakpoint]);
    const ended = new Promise<void>((resolve) => {
      const sub = vscode.debug.onDidTerminateDebugSession(() => (sub.dispose(), resolve()));
    });
    assert(await vscode.debug.startDebugging(undefined, { type: 'go', request: 'launch', name: 'Go', program: file.fsPath }));
    await ended;
    vscode.debug.removeBreakpoints([breakpoint]);
    const sessions: { breakpoints: string[] }[] = await vscode.commands.executeCommand('other-go.sessions');
    assert.deepEqual(sessions.at(-1)!.breakpoints, [`${file.fsPath}:21`]);
  });

  test('breakpoints stop it, and the stack is shown', async () => {
    const file = vscode.Uri.joinPath(vscode.workspace.workspaceFolders![0]!.uri, 'kernel/syscall/chmod.go');
    const text = await vscode.workspace.openTextDocument(file);
    const line = text.positionAt(text.getText().indexOf('func sysUmask(')).line + 1;
    const breakpoint = new vscode.SourceBreakpoint(new vscode.Location(file, new vscode.Position(line, 0)));
    vscode.debug.addBreakpoints([breakpoint]);
    const k = await launch({ console: 'internalConsole', args: ['sh', '-c', 'umask 05; umask'] });
    const stop = await k.traffic.event('stopped');
    assert.equal(stop.body!.reason, 'breakpoint');
    const { stackFrames } = await k.session.customRequest('stackTrace', { threadId: stop.body!.threadId });
    assert.match(stackFrames[0].name, /sysUmask/);
    assert.equal(vscode.Uri.parse(stackFrames[0].source.path).path, file.path); // VS Code has made an address of the path
    vscode.debug.removeBreakpoints([breakpoint]);
    await k.session.customRequest('continue', { threadId: stop.body!.threadId });
    await k.traffic.event('terminated');
  });
});
