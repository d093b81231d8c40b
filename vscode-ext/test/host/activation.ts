import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';

/* eslint-disable @typescript-eslint/no-explicit-any -- the manifest is data */

const folder = () => vscode.workspace.workspaceFolders![0]!.uri.fsPath;

suite('activation', () => {
  const extension = () => vscode.extensions.getExtension('vitrine.vitrine')!;

  test('an opened kernel tree activates it', async () => {
    assert(extension());
    await extension().activate();
    assert(extension().isActive);
  });

  test('every command of the manifest exists', async () => {
    const known = new Set(await vscode.commands.getCommands(true));
    const missing = extension().packageJSON.contributes.commands.map((c: any) => c.command).filter((c: string) => !known.has(c));
    assert.deepEqual(missing, []);
  });

  test('the schema of configurations has the keys of the adapter', () => {
    const attributes = extension().packageJSON.contributes.debuggers[0].configurationAttributes;
    const source = fs.readFileSync(path.join(folder(), 'dap/config.go'), 'utf8');
    for (const [request, type] of [['launch', 'LaunchConfig'], ['attach', 'AttachConfig']] as const) {
      const body = new RegExp(`type ${type} struct \\{(.*?)\\n\\}`, 's').exec(source)![1]!;
      // name and noDebug are VS Code's own.
      const keys = [...body.matchAll(/json:"(\w+)"/g)].map((m) => m[1]!).filter((k) => k !== 'name' && k !== 'noDebug');
      const properties = Object.keys(attributes[request].properties);
      assert.deepEqual(keys.filter((k) => !properties.includes(k)), [], `keys of ${request} that the schema lacks`);
    }
  });
});
