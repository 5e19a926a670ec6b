import { expect, test } from 'vitest';
import type { LedgerLine } from '../model/outcome.ts';
import { layoutOf } from './layout.ts';

const SITE = '/usr/lib/python3/dist-packages/';
const line = (fact: string, fate: LedgerLine['fate'], detail: string): LedgerLine => ({
  kind: 'file',
  fact,
  fate,
  detail,
});
const INFO = `${SITE}curd-1.0.dist-info/METADATA`;

test('what lies elsewhere in the package than pybuild puts it', () => {
  const files = [
    INFO,
    `${SITE}curd/__init__.py`,
    '/usr/bin/curd',
    '/usr/share/man/man1/curd.1.gz',
    '/usr/share/python3-curd/a: b.txt',
    `${SITE}curd/deep.py`,
  ];
  const ledger = [
    line('curd/__init__.py', 'translated', `${SITE}curd/__init__.py`),
    line('curd/lost.py', 'left-out', 'generic-name: so'),
    line('tests/__init__.py', 'left-out', 'generic-name: so'),
    line('tests/deep/test_a.py', 'left-out', 'generic-name: so'),
    line('curd-1.0.dist-info/RECORD', 'left-out', 'book-keeping'),
    line('curd-1.0.data/scripts/curd', 'translated', '/usr/bin/curd'),
    line('curd-1.0.data/platlib/curd/deep.py', 'translated', `${SITE}curd/deep.py`),
    line('curd-1.0.data/data/share/man/man1/curd.1', 'translated', '/usr/share/man/man1/curd.1.gz'),
    line(
      'curd-1.0.data/data/share/odd/a: b.txt',
      'approximated',
      '/usr/share/python3-curd/a: b.txt: its own folder: so',
    ),
    line('curd-1.0.data/data/etc/curd.conf', 'left-out', 'data-place: so'),
    line('curd-1.0.data/headers/curd.h', 'left-out', 'headers: so'),
    { kind: 'requirement', fact: 'six', fate: 'translated', detail: 'python3-six' } as const,
  ];
  expect(layoutOf(ledger, files)).toEqual({
    removed: [
      'usr/etc/curd.conf',
      'usr/lib/python3/dist-packages/curd-1.0.dist-info/RECORD',
      'usr/lib/python3/dist-packages/curd/lost.py',
      'usr/lib/python3/dist-packages/tests',
    ],
    moved: [{ from: 'usr/share/odd/a: b.txt', to: 'usr/share/python3-curd/a: b.txt' }],
  });
});

test.each(['../../etc/passwd', 'tests/../../x', 'tests/a\nb', 'tests//x', '/etc/passwd', 'curd-1.0.data/data/../../x'])(
  'a name that would lead elsewhere is passed over: %j',
  (fact) => {
    expect(layoutOf([line(fact, 'left-out', 'so')], [INFO])).toEqual({ removed: [], moved: [] });
  },
);
