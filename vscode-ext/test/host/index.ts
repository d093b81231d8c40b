// The entry point that VS Code calls in the extension host.
import Mocha from 'mocha';
import { say } from './kernel';

/** Runs all tests; fails if one does. */
export function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'tdd', timeout: 120_000, reporter: Lines });
  mocha.suite.emit('pre-require', globalThis, 'index', mocha); // makes suite() and test(), which the files call when they are loaded
  require('./activation');
  require('./sessions');
  require('./views');
  return new Promise((resolve, reject) => {
    mocha.run((failures) => (failures > 0 ? reject(new Error(`${failures} tests failed`)) : resolve()));
  });
}

/** Says a line for each test. */
class Lines extends Mocha.reporters.Base {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    runner.on('pass', (test) => say(`ok ${test.fullTitle()} (${test.duration} ms)`));
    runner.on('pending', (test) => say(`skipped ${test.fullTitle()}`));
    runner.on('fail', (test, err: Error) => say(`FAILED ${test.fullTitle()}: ${err.stack}`));
  }
}
