import { expect, it } from 'vitest';
import type { LedgerLine } from '../model/outcome.ts';
import { ledgerText } from './ledger-text.ts';

const line = (kind: LedgerLine['kind'], fact: string, fate: LedgerLine['fate'], detail = ''): LedgerLine => ({
  kind,
  fact,
  fate,
  detail,
});
const LEDGER = [
  line('requirement', 'wcwidth>=0.2', 'translated', 'python3-wcwidth (>= 0.2)'),
  line('requirement', 'argparse', 'interpreter', 'argparse is part of Python 3.11'),
  ...Array.from({ length: 3000 }, (_, index) => line('file', `curd/${index}.py`, 'translated', `/usr/${index}`)),
  ...Array.from({ length: 14 }, (_, index) => line('file', `docs/${index}`, 'left-out', 'generic-name')),
  line('entry-point', `x = ${'y'.repeat(100)}`, 'left-out', 'script-name'),
  line('extra', 'fast', 'approximated', 'Suggests: python3-rich'),
];

it('what was lost comes first, with counts; what went over is counted', () => {
  const text = ledgerText(LEDGER, false).split('\n');
  expect(text[0]).toBe('left out (14 files, 1 entry point)');
  expect(text[1]).toBe('  file         docs/0   generic-name');
  expect(text.slice(13)).toEqual([
    '  … and 3 more',
    'approximated (1 extra)',
    '  extra        fast  Suggests: python3-rich',
    'part of Python (1 requirement)',
    '  requirement  argparse  argparse is part of Python 3.11',
    'translated (1 requirement, 3000 files)',
    '  requirement  wcwidth>=0.2  python3-wcwidth (>= 0.2)',
    '--all shows 3003 more lines of 3018.',
  ]);
});

it('with all nothing is cut', () => {
  const text = ledgerText(LEDGER, true);
  expect(text.split('\n')).toHaveLength(LEDGER.length + 4);
  expect(text).toContain('y'.repeat(100));
});
