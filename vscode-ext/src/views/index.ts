// All views of a machine.
import * as vscode from 'vscode';
import type { Sessions } from '../sessions';
import { DevicesView } from './devices';
import { KernelViews } from './kernelViews';
import { LogView } from './log';
import { ProcessesView } from './processes';
import { SoundPanel } from './sound';
import { SyscallsPanel } from './syscalls';

export interface Views extends vscode.Disposable {
  processes: ProcessesView;
  devices: DevicesView;
  kernel: KernelViews;
  syscalls: SyscallsPanel;
  sound: SoundPanel;
}

export function registerViews(context: vscode.ExtensionContext, sessions: Sessions): Views {
  const processes = new ProcessesView(sessions);
  const devices = new DevicesView(sessions);
  const kernel = new KernelViews(sessions);
  const log = new LogView(context.extensionUri, sessions);
  const syscalls = new SyscallsPanel(context.extensionUri, sessions);
  const sound = new SoundPanel(context.extensionUri, sessions);
  const all = vscode.Disposable.from(
    processes, processes.register(), devices, kernel, kernel.register(), log, syscalls, sound,
    vscode.commands.registerCommand('vitrine.showTimeline', () => syscalls.show()),
    vscode.commands.registerCommand('vitrine.showSound', () => sound.show()),
    vscode.commands.registerCommand('vitrine.refresh', () => [processes, devices, kernel].forEach((v) => v.refresh())),
  );
  return { processes, devices, kernel, syscalls, sound, dispose: () => void all.dispose() };
}
