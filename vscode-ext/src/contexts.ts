// Context keys for package.json's `when`s: F5 is ours where the folder is a kernel and no launch.json says otherwise.
import * as vscode from 'vscode';
import { openTree } from './configurations';

export function registerContexts(): vscode.Disposable {
  const update = () => {
    void vscode.commands.executeCommand('setContext', 'vitrine.kernelTree', openTree() !== undefined);
    void vscode.commands.executeCommand('setContext', 'vitrine.launchJson', hasLaunchConfigurations());
  };
  update();
  return vscode.Disposable.from(
    vscode.workspace.onDidChangeWorkspaceFolders(update),
    vscode.workspace.onDidChangeConfiguration((e) => {
      if (e.affectsConfiguration('launch')) {
        update();
      }
    }),
    vscode.window.onDidChangeActiveTextEditor(update),
    vscode.commands.registerCommand('vitrine.walkthrough.openSound', openSoundCore),
  );
}

/** Reports whether the user has launch configurations of their own, in any folder, the workspace or the settings. */
function hasLaunchConfigurations(): boolean {
  const places: (vscode.Uri | undefined)[] = [undefined, ...(vscode.workspace.workspaceFolders ?? []).map((f) => f.uri)];
  return places.some((uri) => (vscode.workspace.getConfiguration('launch', uri).get<unknown[]>('configurations') ?? []).length > 0);
}

/** Opens the file in which a sound device is opened, at that function. */
async function openSoundCore(): Promise<void> {
  const tree = openTree();
  if (!tree) {
    return;
  }
  const doc = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(vscode.Uri.file(tree), 'kernel', 'sound', 'pcm.go'));
  const offset = doc.getText().search(/^func \(s \*Substream\) open\(/m);
  const at = doc.positionAt(Math.max(0, offset));
  await vscode.window.showTextDocument(doc, { selection: new vscode.Range(at, at) });
}
