import { expect, test } from 'vitest';
import { readIdentity } from './local-identity.ts';

const wheel = 'My_Lib-9-py3-none-any.whl';

test.each([
  ['My.Lib', wheel],
  [undefined, wheel],
])('a source that calls itself %s is what its wheel says', (name, wheelName) => {
  const told = name === undefined ? {} : { name };
  expect(readIdentity(wheelName, { typed: './lib', told })).toEqual({ project: 'my-lib', version: '9' });
});

test.each([
  ['another project', 'other-9-py3-none-any.whl', /calls itself My\.Lib, but its build made the wheel 'other-9-/],
  ['no version', 'My_Lib-x-py3-none-any.whl', /tells nothing/],
  ['no name', '-9-py3-none-any.whl', /tells nothing/],
])('a wheel of %s is refused', (_, wheelName, message) => {
  expect(() => readIdentity(wheelName, { typed: './lib', told: { name: 'My.Lib' } })).toThrow(
    expect.objectContaining({ code: 'bad-metadata', message: expect.stringMatching(message) }),
  );
});
