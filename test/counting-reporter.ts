import { appendFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Appends `PASSED FAILED 0` to the file in RENNET_TEST_COUNTS; test/run adds the lines up. A file that cannot be loaded is one failure. */
// oxlint-disable-next-line import/no-default-export -- vitest asks for one
export default class CountingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const file = process.env['RENNET_TEST_COUNTS'];
    if (file !== undefined) appendFileSync(file, `${countTests(modules).join(' ')} 0\n`);
  }
}

function countTests(modules: readonly TestModule[]): [passed: number, failed: number] {
  let passed = 0;
  let failed = 0;
  for (const module of modules) {
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      if (test.result().state === 'passed') passed += 1;
      // A test that did not run has not passed.
      else failedHere += 1;
    }
    failed += module.state() === 'failed' ? Math.max(failedHere, 1) : failedHere;
  }
  return [passed, failed];
}
