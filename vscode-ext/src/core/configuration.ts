// What the user leaves out of a debug configuration.

/** A configuration as it comes: launch.json is the user's, so nothing is certain. */
export interface Configuration {
  type?: string;
  request?: string;
  name?: string;
  [key: string]: unknown;
}

/** The configuration that F5 takes when there is none. */
export function bootConfiguration(tree: string): Configuration & { type: string; request: string; name: string } {
  return { type: 'vitrine', request: 'launch', name: 'Boot the kernel', program: tree };
}

/** Configurations that an opened kernel tree offers by itself. */
export function treeConfigurations(tree: string): (Configuration & { type: string; request: string; name: string })[] {
  const boot = bootConfiguration(tree);
  return [
    boot,
    { ...boot, name: 'Boot, stop at the kernel\'s first steps', stopAt: 'boot' },
    { ...boot, name: 'Boot, stop when a program opens a file', stopAt: 'syscall:openat' },
    { ...boot, name: 'Boot with 4 processors', smp: 4 },
    { type: 'vitrine', request: 'attach', name: 'Attach to a machine' },
  ];
}

/** Where a configuration is completed. */
export interface Surroundings {
  tree?: string | undefined; // that is open
  folder?: string | undefined; // of the workspace
  audio: string; // the setting
}

/** Fills in what was left out. */
export function completeConfiguration(config: Configuration, { tree, folder, audio }: Surroundings): Configuration {
  if (!config.type && !config.request && !config.name) { // F5 without a launch.json
    config = { ...config, ...bootConfiguration(tree ?? '') };
  }
  const full: Configuration = { ...config };
  if (!full['program'] && tree) {
    full['program'] = tree;
  }
  if (!full['cwd'] && (folder ?? tree)) {
    full['cwd'] = folder ?? tree;
  }
  if (full.request === 'launch') {
    full['console'] ??= 'integratedTerminal';
    full['audio'] ??= audio;
    if (full['console'] !== 'internalConsole') {
      full['internalConsoleOptions'] ??= 'neverOpen'; // the terminal is what the user wants to see
    }
  }
  return full;
}

/** Says what is wrong with a configuration, in a sentence; undefined if nothing is. The rest the server checks. */
export function checkConfiguration(config: Configuration): string | undefined {
  if (config.request !== 'launch' && config.request !== 'attach') {
    return `request: ${JSON.stringify(config.request)} is neither "launch" nor "attach".`;
  }
  const texts = ['program', 'root', 'append', 'initrd', 'audio', 'machine', 'stopAt', 'console', 'cwd', 'trace'];
  for (const key of texts) {
    if (config[key] !== undefined && typeof config[key] !== 'string') {
      return `${key}: a text please, not ${JSON.stringify(config[key])}.`;
    }
  }
  const args = config['args'];
  if (args !== undefined && !(Array.isArray(args) && args.every((a) => typeof a === 'string'))) {
    return 'args: a list of texts please, the guest command and its arguments.';
  }
  return undefined;
}
