// The entry point that VS Code calls in the extension host. What is printed here appears in the window, line by line.
import Mocha from 'mocha';

/** Runs all tests; fails if one does. */
export function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'tdd', timeout: 120_000, reporter: Lines });
  mocha.suite.emit('pre-require', globalThis, 'index', mocha); // makes suite() and test(), which the files call when they are loaded
  require('./activation');
  require('./sessions');
  return new Promise((resolve, reject) => {
    mocha.run((failures) => (failures > 0 ? reject(new Error(`${failures} tests failed`)) : resolve()));
  });
}

/** Says a line for each test. */
class Lines {
  constructor(runner: Mocha.Runner) {
    runner.on('pass', (test) => console.log(`ok ${test.fullTitle()} (${test.duration} ms)`));
    runner.on('pending', (test) => console.log(`skipped ${test.fullTitle()}`));
    runner.on('fail', (test, err: Error) => console.log(`FAILED ${test.fullTitle()}: ${err.stack}`));
  }
}
