// The extension's entry: everything is made and wired here, and nothing else is.
import * as path from 'node:path';
import * as vscode from 'vscode';
import { Adapters } from './adapter';
import { registerBreakpoints } from './breakpoints';
import { boot, Configurations, openTree, treeOf } from './configurations';
import { registerContexts } from './contexts';
import { Doctor } from './doctor';
import { registerInline } from './inline';
import { output } from './output';
import { Problems } from './problems';
import { Sessions } from './sessions';
import { registerSteps } from './steps';
import { registerTerminals } from './terminals';
import { registerViews, type Views } from './views';

/** What activate returns, for tests in the extension host. */
export interface Api {
  sessions: Sessions;
  problems: Problems;
  views: Views;
}

export function activate(context: vscode.ExtensionContext): Api {
  const problems = new Problems();
  const adapters = new Adapters(problems);
  const doctor = new Doctor();
  const sessions = new Sessions(problems);
  const configurations = new Configurations(adapters, doctor, problems);
  const views = registerViews(context, sessions);
  context.subscriptions.push(
    output, problems, sessions, views,
    vscode.debug.registerDebugAdapterDescriptorFactory('vitrine', {
      createDebugAdapterDescriptor: async (session) => {
        const tree = treeOf(session.configuration) ?? openTree(session.workspaceFolder);
        const { command, env } = await adapters.find(tree);
        const cwd: unknown = session.configuration['cwd'];
        return new vscode.DebugAdapterExecutable(command, ['dap'], { env, cwd: typeof cwd === 'string' && path.isAbsolute(cwd) ? cwd : tree ?? process.cwd() });
      },
    }),
    vscode.debug.registerDebugConfigurationProvider('vitrine', configurations),
    vscode.debug.registerDebugConfigurationProvider('vitrine', configurations, vscode.DebugConfigurationProviderTriggerKind.Dynamic),
    vscode.commands.registerCommand('vitrine.start', () => boot()),
    vscode.commands.registerCommand('vitrine.startWithoutDebugging', () => boot({ noDebug: true })),
    vscode.commands.registerCommand('vitrine.attach', () =>
      vscode.debug.startDebugging(vscode.workspace.workspaceFolders?.[0], { type: 'vitrine', request: 'attach', name: 'Attach to a machine' })),
    vscode.commands.registerCommand('vitrine.pickMachine', () => configurations.pickMachine()),
    vscode.commands.registerCommand('vitrine.doctor', () => configurations.askDoctor()),
    vscode.commands.registerCommand('vitrine.showOutput', () => output.show()),
    registerContexts(),
    registerBreakpoints(sessions),
    registerInline(),
    registerSteps(sessions),
    registerTerminals(sessions, adapters),
  );
  return { sessions, problems, views };
}
