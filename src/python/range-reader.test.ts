import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readZipMember } from './range-reader.ts';
import { makeZip } from './testing/index-server.ts';

const isMetadata = (name: string): boolean => /^[^/]+\.dist-info\/METADATA$/.test(name);

async function readFrom(zip: Buffer, tailBytes: number, cap = 1_000_000): Promise<Buffer | undefined> {
  const read = (start: number, end: number): Promise<Buffer> => Promise.resolve(zip.subarray(start, end));
  return readZipMember(zip.length, zip.subarray(Math.max(0, zip.length - tailBytes)), read, isMetadata, cap);
}

test('any member comes back as it went in, however short the tail', async () => {
  const members = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(
      members,
      fc.uint8Array(),
      fc.boolean(),
      fc.integer({ min: 22, max: 2000 }),
      async (others, content, stored, tail) => {
        const zip = makeZip([
          ...others.map((bytes, at) => ({ name: `foo/${at}`, content: bytes })),
          { name: 'foo-1.0.dist-info/METADATA', content, stored },
          { name: 'foo-1.0.dist-info/RECORD', content: '' },
        ]);
        expect(await readFrom(zip, tail)).toEqual(Buffer.from(content));
      },
    ),
  );
});

test('a wheel without METADATA gives nothing', async () => {
  expect(await readFrom(makeZip([{ name: 'foo.py', content: '' }]), 100)).toBeUndefined();
});

test.each([
  [
    'two of them',
    makeZip([
      { name: 'a-1.dist-info/METADATA', content: 'a' },
      { name: 'b-1.dist-info/METADATA', content: 'b' },
    ]),
  ],
  ['no zip', Buffer.alloc(100)],
  ['another checksum', damaged(14)],
  ['another packed size', damaged(18)],
  ['another method', damaged(8)],
  ['an offset beyond the end', damaged(-8)],
  ['a comment that is not there', Buffer.concat([makeZip([]), Buffer.from('x')])],
])('%s: refused', async (_, zip) => {
  await expect(readFrom(zip, 65_536)).rejects.toMatchObject({ code: 'bad-archive' });
});

test('a member that unpacks to more than the cap is refused, whatever size it claims', async () => {
  const zip = makeZip([{ name: 'a-1.dist-info/METADATA', content: Buffer.alloc(100_000) }]);
  await expect(readFrom(zip, 65_536, 99_999)).rejects.toMatchObject({ code: 'too-large' });
  const liar = Buffer.from(zip);
  liar.writeUInt32LE(10, liar.indexOf('PK\x01\x02') + 24);
  await expect(readFrom(liar, 65_536, 99_999)).rejects.toMatchObject({ code: 'bad-archive' });
});

test('damaged archives give RennetError or nothing, never anything else', async () => {
  const good = makeZip([
    { name: 'a-1.dist-info/METADATA', content: 'Name: a\n'.repeat(20) },
    { name: 'a.py', content: 'x' },
  ]);
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), async (at, byte) => {
      const bad = Buffer.from(good);
      bad[at] = byte;
      const result = await readFrom(bad, 65_536).catch((error: unknown) => error);
      if (result instanceof Error) expect(result.name).toBe('RennetError');
    }),
    { numRuns: 500 },
  );
});

/** A good archive with one changed number: `at` counts from the directory's entry, or from the end. */
function damaged(at: number): Buffer {
  const zip = makeZip([{ name: 'a-1.dist-info/METADATA', content: 'Name: a\n'.repeat(20) }]);
  const place = at < 0 ? zip.length + at : zip.indexOf('PK\x01\x02') + at + 2;
  zip.writeUInt16LE(9999, place);
  return zip;
}
