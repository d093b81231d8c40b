// The Kernel Views view: every other table of kernel structures. A row opens the structure that it shows.
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import { rowNames, rowText } from '../core/table';
import { messageOf } from '../output';
import type { Table, View, ViewList } from '../protocol';
import type { MachineSession, Sessions } from '../sessions';
import { LiveTree } from './feed';
import { TableDocuments } from './tables';

type Node =
  | { kind: 'view'; view: View }
  | { kind: 'row'; view: View; name: string; text: string; expr: string }
  | { kind: 'value'; id: string; variable: DebugProtocol.Variable }
  | { kind: 'message'; text: string };

/** How many of the open views are asked for with each refresh while the machine runs, in turns. */
const viewsPerRefresh = 4;

/** How many rows of a view are shown; the table has all. */
const mostRows = 1000;

export class KernelViews extends LiveTree<Node> {
  private views: View[] = [];
  private readonly tables = new Map<string, Table | Error>(); // of open views, the one that was asked for longest ago first
  private readonly documents: TableDocuments;

  constructor(sessions: Sessions) {
    super('vitrine.views', sessions);
    this.documents = new TableDocuments(sessions);
  }

  protected async ask(m: MachineSession): Promise<unknown> {
    if (this.views.length === 0) {
      this.views = (await m.request<ViewList>('vitrine/views')).views;
    }
    const due = [...this.tables.keys()].slice(0, m.state === 'stopped' ? undefined : viewsPerRefresh);
    for (const name of due) {
      this.tables.delete(name); // and comes back as the last
      this.tables.set(name, await this.table(m, name));
    }
    return [this.views, [...this.tables.values()].map((t) => (t instanceof Error ? t.message : t)), m.stops];
  }

  protected clear(): void {
    this.views = [];
    this.tables.clear();
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const { Collapsed, None } = vscode.TreeItemCollapsibleState;
    switch (node.kind) {
      case 'view': {
        const item = new vscode.TreeItem(node.view.name, Collapsed);
        item.id = `view ${node.view.name}`;
        item.description = node.view.doc;
        item.iconPath = new vscode.ThemeIcon('table');
        item.contextValue = 'view';
        return item;
      }
      case 'row': {
        const opens = node.expr !== '' && this.machine?.state === 'stopped';
        const item = new vscode.TreeItem(node.name, opens ? Collapsed : None);
        item.id = `row ${node.view.name} ${node.name}`;
        item.description = node.text;
        item.tooltip = `${node.name}\n${node.text.replaceAll('  ', '\n')}`;
        item.contextValue = node.expr !== '' ? 'value' : 'row';
        return item;
      }
      case 'value': {
        const item = new vscode.TreeItem(node.variable.name, node.variable.variablesReference > 0 ? Collapsed : None);
        item.id = node.id;
        item.description = node.variable.value;
        item.tooltip = `${node.variable.name}: ${node.variable.type ?? ''} = ${node.variable.value}`;
        item.contextValue = node.variable.evaluateName ? 'value' : 'row';
        return item;
      }
      case 'message':
        return new vscode.TreeItem(node.text, None);
    }
  }

  async getChildren(node?: Node): Promise<Node[]> {
    try {
      switch (node?.kind) {
        case undefined:
          return this.views.map((view) => ({ kind: 'view', view }));
        case 'view':
          return await this.rows(node.view);
        case 'row':
          return await this.values(`row ${node.view.name} ${node.name}`, await this.reference(node.expr));
        case 'value':
          return await this.values(node.id, node.variable.variablesReference);
        case 'message':
          return [];
      }
    } catch (err) {
      return [{ kind: 'message', text: messageOf(err) }];
    }
  }

  private async rows(view: View): Promise<Node[]> {
    const m = this.machine;
    if (!m) {
      return [];
    }
    let table = this.tables.get(view.name);
    if (!table) {
      table = await this.table(m, view.name);
      this.tables.set(view.name, table);
    }
    if (table instanceof Error) {
      throw table;
    }
    const shown: Table = table;
    const names = rowNames(shown);
    const rows = shown.rows.slice(0, mostRows).map((row, i): Node => ({
      kind: 'row', view, name: names[i]!, text: rowText(shown, row, names[i] === row[0] ? 1 : 0), expr: shown.exprs[i] ?? '',
    }));
    const more: Node[] = shown.rows.length > mostRows || shown.truncated ? [{ kind: 'message', text: '… there is more' }] : [];
    return [...rows, ...more];
  }

  private async table(m: MachineSession, name: string): Promise<Table | Error> {
    return m.request<Table>('vitrine/view', { name }).catch((err: unknown) => new Error(messageOf(err)));
  }

  private async reference(expression: string): Promise<number> {
    const value = await this.machine?.request<DebugProtocol.EvaluateResponse['body']>('evaluate', { expression, context: 'watch' });
    return value?.variablesReference ?? 0;
  }

  private async values(id: string, variablesReference: number): Promise<Node[]> {
    if (variablesReference === 0) {
      return [];
    }
    const body = await this.machine?.request<DebugProtocol.VariablesResponse['body']>('variables', { variablesReference });
    return (body?.variables ?? []).map((variable) => ({ kind: 'value', id: `${id}.${variable.name}`, variable }));
  }

  register(): vscode.Disposable {
    return vscode.Disposable.from(
      this.documents,
      // A view that is closed is not asked for.
      this.view.onDidCollapseElement(({ element }) => element.kind === 'view' && this.tables.delete(element.view.name)),
      vscode.commands.registerCommand('vitrine.views.openTable', (node?: Node) => node?.kind === 'view' && this.documents.open(node.view.name)),
      vscode.commands.registerCommand('vitrine.views.watch', (node?: Node) => {
        const expression = node?.kind === 'row' ? node.expr : node?.kind === 'value' ? node.variable.evaluateName : undefined;
        return expression && addToWatch(expression);
      }),
    );
  }
}

/** The editor has no way to add a watch expression from outside; its own command takes a variable as its menu does. */
async function addToWatch(evaluateName: string): Promise<void> {
  await vscode.commands.executeCommand('debug.addToWatchExpressions', { variable: { evaluateName } });
}
