// The Devices view: each device on the virtio bus with its driver, queues and interrupts.
import * as vscode from 'vscode';
import { cell, rowsWhere, rowText } from '../core/table';
import type { Table } from '../protocol';
import type { MachineSession, Sessions } from '../sessions';
import { LiveTree } from './feed';

interface Node {
  id: string;
  label: string;
  description: string;
  icon: string;
  children: Node[];
}

export class DevicesView extends LiveTree<Node> {
  private nodes: Node[] = [];

  constructor(sessions: Sessions) {
    super('vitrine.devices', sessions);
  }

  protected async ask(m: MachineSession): Promise<unknown> {
    const view = (name: string) => m.request<Table>('vitrine/view', { name });
    // One after the other: the kernel stands still for each for a moment.
    const tables = { devices: await view('devices'), queues: await view('virtqueues'), lines: await view('irqs') };
    this.nodes = deviceNodes(tables);
    return tables;
  }

  protected clear(): void {
    this.nodes = [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const state = node.children.length > 0 ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None;
    const item = new vscode.TreeItem(node.label, state);
    item.id = node.id;
    item.description = node.description;
    item.tooltip = `${node.label}  ${node.description}`;
    item.iconPath = new vscode.ThemeIcon(node.icon);
    return item;
  }

  getChildren(node?: Node): Node[] {
    return node ? node.children : this.nodes;
  }
}

function deviceNodes({ devices, queues, lines }: { devices: Table; queues: Table; lines: Table }): Node[] {
  const nodes = devices.rows.map((row): Node => {
    const name = cell(devices, row, 'NAME');
    const children = rowsWhere(queues, 'DEVICE', name).map((q): Node => ({
      id: `queue ${name} ${cell(queues, q, 'QUEUE')}`,
      label: `virtqueue ${cell(queues, q, 'NAME') || cell(queues, q, 'QUEUE')}`,
      description: rowText(queues, q, 3),
      icon: cell(queues, q, 'BROKEN') === 'true' ? 'error' : 'arrow-swap',
      children: [],
    }));
    return {
      id: `device ${name}`, label: name, icon: 'circuit-board', children,
      description: [cell(devices, row, 'DRIVER'), cell(devices, row, 'STATE'), `${cell(devices, row, 'IRQS')} interrupts`].filter((s) => s !== '').join(' · '),
    };
  });
  const interrupts: Node = {
    id: 'interrupts', label: 'Interrupts', description: `${lines.rows.length} lines`, icon: 'zap',
    children: lines.rows.map((row) => ({
      id: `line ${cell(lines, row, 'LINE')}`, label: `${cell(lines, row, 'LINE')} ${cell(lines, row, 'NAME')}`, description: `${cell(lines, row, 'COUNT')}`, icon: 'dash', children: [],
    })),
  };
  return [...nodes, interrupts];
}
