import { expect, test } from 'vitest';
import { declaredTests } from './declared.ts';

const PYPROJECT = `
[dependency-groups]
Test = ["pytest>=7", {include-group = "more_tools"}]
"more.tools" = ["hypothesis", {include-group = "test"}]
docs = ["sphinx"]
dev = ["ruff"]
`;

test.each([
  ['extras and groups called tests', ['Tests', 'dev', 'docs'], PYPROJECT, ['Tests'], ['pytest>=7', 'hypothesis']],
  ['else those of developers', ['develop', 'docs'], '[dependency-groups]\ndev = ["ruff"]\n', ['develop'], ['ruff']],
  ['a group that is not there', ['test'], '[dependency-groups]\ntest = [{include-group = "gone"}]\n', ['test'], []],
  ['nothing', ['docs'], undefined, [], []],
  ['a table that cannot be read declares nothing', ['test'], '[dependency-groups]\ntest = [1]\n', ['test'], []],
  ['a file that cannot be read declares nothing', [], '[dependency-groups', [], []],
  ['a group with the name of a property', [], '[dependency-groups]\ntest = [{include-group = "__proto__"}]\n', [], []],
])('%s', (_, extras, pyproject, wantedExtras, requirements) => {
  expect(declaredTests(extras, pyproject)).toEqual({ extras: wantedExtras, requirements });
});
