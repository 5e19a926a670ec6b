import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLineCutter } from './lines.ts';

test('cuts the same lines wherever the chunks end', () => {
  const lines = fc.array(fc.stringMatching(/^[a-z{}" ]{0,30}$/), { maxLength: 20 });
  fc.assert(
    fc.property(lines, fc.array(fc.integer({ min: 1, max: 9 })), (texts, sizes) => {
      const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
      const cutter = createLineCutter(30);
      const seen: string[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 4;
        const { lines: cut, tooLong } = cutter.push(bytes.subarray(at, at + size));
        expect(tooLong).toBe(false);
        seen.push(...cut.map((line) => Buffer.from(line).toString()));
        at += size;
      }
      expect(seen).toEqual(texts);
    }),
  );
});

test('an endless line is noticed at the bound, and nothing is given after it', () => {
  const cutter = createLineCutter(10);
  expect(cutter.push(Buffer.from('0123456789')).tooLong).toBe(false);
  expect(cutter.push(Buffer.from('x'))).toEqual({ lines: [], tooLong: true });
  expect(cutter.push(Buffer.from('\nok\n'))).toEqual({ lines: [], tooLong: true });
});
