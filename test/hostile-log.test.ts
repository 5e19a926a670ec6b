import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAttempt, rennet } from './support/command.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';

// A build that writes to the terminal of whoever reads its log: escape sequences, bidi characters, one endless line.

let index: DemoIndex;
let demo: DemoState;
beforeAll(async () => {
  [index, demo] = await Promise.all([startDemoIndex(), stateWithImages()]);
}, 600_000);
afterAll(async () => {
  await demo.close();
  await index.close();
});

/** As Python writes them: clears the screen, sets the title, reverses the order of what follows, hides it, C1, Arabic letter mark. */
const NASTY = String.raw`\x1b[2J\x1b]0;owned\x07\x1b[8m\u202e\u2066\u200b\u061c\u2028\x9b31m\r`;
const HOOK = `
nasty = '${NASTY}'
print('before' + nasty + 'after', flush=True)
print('x' * 2_000_000 + nasty, flush=True)
raise RuntimeError('failed' + nasty + 'for good')`;
/** Everything but tab and line end that does not print or turns what does. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

test('what a build says reaches the terminal as plain text', async () => {
  await index.add({ project: 'rennet-nasty', hook: HOOK });
  const built = await rennet(['build', 'rennet-nasty', '--driver', 'namespace', '--allow-unisolated', ...demo.args], {
    env: { ...index.env, TMPDIR: demo.temporary },
  });
  const attempt = expectAttempt(built, 'build-failed', 1);
  expect(attempt['sentence']).toMatch(/failed.*for good/);
  const shown = [built.stderr];
  for (const args of [
    ['log', String(attempt['attempt'])],
    ['why', 'rennet-nasty'],
    ['list', '--attempts'],
  ]) {
    const told = await rennet([...args, ...demo.args], { plain: true, env: index.env });
    shown.push(told.stdout, told.stderr);
    if (args[0] === 'log') expect(/^before[^x]*after$/m.test(told.stdout)).toBe(true);
  }
  for (const text of shown) expect(UNPRINTABLE.exec(text.replaceAll(/[\t\n]/g, ''))?.[0]).toBeUndefined();
});
