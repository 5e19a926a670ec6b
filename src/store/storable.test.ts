import fc from 'fast-check';
import { expect, test } from 'vitest';
import { storableJson, storableText } from './storable.ts';

test('only what PostgreSQL refuses is changed', () => {
  expect(storableText('a\0b\ud800c')).toBe('a\ufffdb\ufffdc');
  expect(storableText('ä\u001b[31m😀')).toBe('ä\u001b[31m😀');
  expect(storableJson({ 'k\0': ['\udc00', { n: null }], when: new Date(0) })).toBe(
    '{"k\ufffd":["\ufffd",{"n":null}],"when":"1970-01-01T00:00:00.000Z"}',
  );
});

test('any JSON stays readable and storable', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = storableJson(value);
      expect(text).not.toMatch(/\\u0000|\\ud[89a-f]/);
      expect(storableJson(JSON.parse(text))).toBe(text);
    }),
  );
});
