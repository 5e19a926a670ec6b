import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRecord } from './record.ts';

const HASH = 'a'.repeat(43);

test('paths and hashes, quoted paths included', () => {
  const text = `curd.py,sha256=${HASH},5\r\n"a,b ""c"".txt",md5=x,1\ncurd-1.0.dist-info/RECORD,,\n`;
  expect(parseRecord(text)).toEqual([
    { path: 'curd.py', sha256: HASH },
    { path: 'a,b "c".txt' },
    { path: 'curd-1.0.dist-info/RECORD' },
  ]);
});

test('what is no line is passed over, whatever the text', () => {
  expect(parseRecord('\n,,\nno comma\n"open,,\n')).toEqual([]);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => parseRecord(text).every(({ path }) => path !== '')));
});

test('a path as it is written is read as it is', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[^\r\n"./][^\r\n]{0,40}$/), (path) => {
      const written = `"${path.replaceAll('"', '""')}",sha256=${HASH},1\n`;
      expect(parseRecord(written)).toEqual([{ path, sha256: HASH }]);
    }),
  );
});
