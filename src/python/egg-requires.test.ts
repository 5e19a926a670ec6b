import { expect, test } from 'vitest';
import { parseEggRequires } from './egg-requires.ts';

test.each<[string, string, string[]]>([
  ['plain', 'six\nPyYAML>=5\n', ['six', 'PyYAML>=5']],
  ['an extra', 'six\n\n[dev]\npytest\n\n[dev:python_version < "3"]\nmock\n', ['six']],
  ['a marker', '[:python_version >= "3"]\nsix\n', ['six; python_version >= "3"']],
  ['odd lines', 'a b c\nx @ https://files.example.org/x.whl\n-e .\nsix\n[\nwcwidth\n', ['six', 'wcwidth']],
  ['an odd marker', '[:what]\nsix\n', []],
  ['line ends of Windows', 'six\r\nwcwidth\r\n', ['six', 'wcwidth']],
  ['control characters', 'six\0\n', []],
  ['nothing', '', []],
  ['without end', 'six\n'.repeat(3000), Array.from({ length: 2000 }, () => 'six')],
])('%s', (_what, text, requirements) => expect(parseEggRequires(text)).toEqual(requirements));
