import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testFolder } from './testing/folder.ts';
import type { ZipFile, ZipLies } from './testing/zips.ts';
import { buildZip } from './testing/zips.ts';
import type { ZipArchive } from './zip.ts';
import { openZip, ZIP_CAPS } from './zip.ts';

const folder = testFolder();

async function opened<T>(bytes: Buffer, use: (zip: ZipArchive) => T | Promise<T>, caps = ZIP_CAPS): Promise<T> {
  const zip = await openZip(await folder.file('a.zip', bytes), caps);
  try {
    return await use(zip);
  } finally {
    await zip.close();
  }
}

/** Opens and reads everything, as an unpacker would. */
function readAll(bytes: Buffer, caps = ZIP_CAPS): Promise<Map<string, string>> {
  return opened(
    bytes,
    async (zip) => {
      const contents = new Map<string, string>();
      for (const { name } of zip.entries) contents.set(name, (await zip.read(name, 1 << 20)).toString());
      return contents;
    },
    caps,
  );
}

const a: ZipFile = { name: 'a', content: 'content of a' };
const b: ZipFile = { name: 'd/b', content: 'content of b' };
const zip64Extra = (bytes: bigint, packed: bigint) => {
  const extra = Buffer.alloc(20);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(16, 2);
  extra.writeBigUInt64LE(bytes, 4);
  extra.writeBigUInt64LE(packed, 12);
  return extra;
};

describe('sound archives', () => {
  test('give their names, modes, directories and contents', async () => {
    const directory = { name: 'd/', mode: 0o040755, stored: true };
    const bytes = buildZip([directory, a, { ...b, mode: 0o100755, stored: true }, { name: 'ä/ß', content: '' }]);
    await opened(bytes, async (zip) => {
      expect(zip.entries).toEqual([
        { name: 'a', bytes: 12, mode: 0o644 },
        { name: 'd/b', bytes: 12, mode: 0o755 },
        { name: 'ä/ß', bytes: 0, mode: 0o644 },
      ]);
      expect(zip.directories).toEqual(['d']);
      expect(zip.twins).toEqual([]);
    });
    expect([...(await readAll(bytes)).values()]).toEqual(['content of a', 'content of b', '']);
  });

  test.each<[string, ZipFile[], ZipLies]>([
    ['an archive without entries', [], {}],
    ['a comment', [a], { comment: 'made by hand' }],
    ['a descriptor with signature', [{ ...a, descriptor: {} }, b], {}],
    ['a descriptor without', [{ ...a, descriptor: { signature: false } }, b], {}],
    [
      'local zip64 sizes that are right',
      [{ ...a, local: { compressedBytes: 0xffffffff, bytes: 0xffffffff, extra: zip64Extra(12n, 14n) } }],
      {},
    ],
    ['a mode without file type', [{ ...a, mode: 0o600 }], {}],
  ])('%s', async (_, files, lies) => {
    const expected = files.map(({ name, content }) => [name, content]);
    expect([...(await readAll(buildZip(files, lies)))]).toEqual(expected);
  });

  test("are read as Python's zipfile reads them", async () => {
    const script = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("plain.txt", "x" * 100000)
    z.writestr(zipfile.ZipInfo("stored.txt"), "stored")
    z.writestr("t\\u00e4/\\u00df.txt", "umlaut")
    z.mkdir("empty") if hasattr(z, "mkdir") else z.writestr("empty/", "")
    with z.open("grown", "w", force_zip64=True) as f: f.write(b"grown")
class Pipe:
    def __init__(self, f): self.f = f
    def write(self, b): return self.f.write(b)
    def flush(self): self.f.flush()
with open(sys.argv[2], "wb") as f:
    with zipfile.ZipFile(Pipe(f), "w", zipfile.ZIP_DEFLATED) as z: z.writestr("streamed", "s" * 1000)
`;
    const [first, second] = [join(await folder.path(), '1.zip'), join(await folder.path(), '2.zip')];
    await promisify(execFile)('python3', ['-c', script, first, second]);
    const contents = await readAll(await readFile(first));
    expect([...contents.keys()]).toEqual(['plain.txt', 'stored.txt', 'tä/ß.txt', 'grown']);
    expect(contents.get('plain.txt')).toBe('x'.repeat(100_000));
    expect([...(await readAll(await readFile(second)))]).toEqual([['streamed', 's'.repeat(1000)]]);
  });

  test('are extracted into new files only', async () => {
    const content = Buffer.alloc(300_000, 'rennet');
    const target = join(await folder.path(), 'target');
    await opened(buildZip([{ name: 'big', content }]), async (zip) => {
      const sha256 = createHash('sha256').update(content).digest('hex');
      expect(await zip.extractTo('big', target)).toEqual({ bytes: 300_000, sha256 });
      expect(content.equals(await readFile(target))).toBe(true);
      await writeFile(target, 'mine');
      await expect(zip.extractTo('big', target)).rejects.toMatchObject({ code: 'EEXIST' });
      expect(await readFile(target, 'utf8')).toBe('mine');
      await expect(zip.read('big', 299_999)).rejects.toMatchObject({ code: 'bad-archive' });
      await expect(zip.read('small', 1)).rejects.toMatchObject({ code: 'bad-archive' });
    });
  });

  test('report twins and do not decide', async () => {
    const names = ['Foo/x', 'foo/y', 'Straße', 'STRASSE', 'e\u0301', '\u00e9', 'plain'];
    const twins = await opened(buildZip(names.map((name) => ({ name }))), (zip) => zip.twins);
    expect(twins).toEqual([
      ['Foo', 'foo'],
      ['Straße', 'STRASSE'],
      ['e\u0301', '\u00e9'],
    ]);
  });
});

describe('hostile archives are refused', () => {
  test.each<[string, ZipFile[], ZipLies, RegExp]>([
    ['parent names', [{ name: '../a' }], {}, /unsafe name/],
    ['inner parent names', [{ name: 'd/../../a' }], {}, /unsafe name/],
    ['absolute names', [{ name: '/a' }], {}, /unsafe name/],
    ['backslashes', [{ name: 'd\\a' }], {}, /unsafe name/],
    ['dots', [{ name: './a' }], {}, /unsafe name/],
    ['empty parts', [{ name: 'd//a' }], {}, /unsafe name/],
    ['no name', [{ name: '' }], {}, /unsafe name/],
    ['only a slash', [{ name: '/' }], {}, /unsafe name/],
    ['a NUL in a name', [{ name: 'a\0.py' }], {}, /unsafe name/],
    ['a line end in a name', [{ name: 'a\nb' }], {}, /unsafe name/],
    ['a C1 control in a name', [{ name: 'a\u0085b' }], {}, /unsafe name/],
    ['a name that is not UTF-8', [{ name: Buffer.from([0x61, 0xff]) }], {}, /not UTF-8/],
    ['an overlong UTF-8 name', [{ name: Buffer.from([0xc0, 0xae]) }], {}, /not UTF-8/],
    ['a name in an unknown encoding', [{ name: 'ä', local: { flags: 0 }, central: { flags: 0 } }], {}, /encoding/],
    ['a second, Unicode name', [{ ...a, central: { extra: Buffer.from('7570010061', 'hex') } }], {}, /second name/],
    ['long names', [{ name: 'a'.repeat(256) }], {}, /too long/],
    ['long paths', [{ name: `${'d'.repeat(250)}/`.repeat(5) + 'a' }], {}, /too long/],
    ['deep paths', [{ name: 'd/'.repeat(40) + 'a' }], {}, /levels/],
    ['a name twice', [a, a], {}, /twice/],
    ['file and directory of one name', [a, { name: 'a/', mode: 0o040755 }], {}, /twice/],
    ['a file inside of a file', [a, { name: 'a/b' }], {}, /both as file and directory/],
    ['symbolic links', [{ name: 'l', content: '/etc/shadow', mode: 0o120777 }], {}, /symbolic link/],
    ['devices', [{ name: 'n', mode: 0o020666 }], {}, /no regular file/],
    ['a pipe', [{ name: 'p', mode: 0o010666 }], {}, /no regular file/],
    ['a directory mode on a file', [{ name: 'f', mode: 0o040755 }], {}, /no regular file/],
    ['a directory with content', [{ name: 'd/', content: 'x', mode: 0o040755 }], {}, /content/],
    ['encryption', [{ ...a, local: { flags: 1 }, central: { flags: 1 } }], {}, /encrypted/],
    ['masked headers', [{ ...a, local: { flags: 0x2000 }, central: { flags: 0x2000 } }], {}, /encrypted/],
    ['other compressions', [{ ...a, local: { method: 12 }, central: { method: 12 } }], {}, /compression 12/],
    ['another local name', [{ ...a, local: { name: 'b' } }], {}, /different things/],
    ['a longer local name', [{ ...a, local: { name: 'ab' } }], {}, /different things|gap/],
    ['another local method', [{ ...a, local: { method: 0 } }], {}, /different things/],
    ['other local flags', [{ ...a, local: { flags: 2 } }], {}, /different things/],
    ['another local size', [{ ...a, local: { bytes: 11 } }], {}, /different things/],
    ['another local checksum', [{ ...a, local: { crc32: 1 } }], {}, /different things/],
    [
      'local zip64 sizes that lie',
      [{ ...a, local: { compressedBytes: 0xffffffff, bytes: 0xffffffff, extra: zip64Extra(13n, 14n) } }],
      {},
      /different things/,
    ],
    [
      'local zip64 sizes that are missing',
      [{ ...a, local: { compressedBytes: 0xffffffff, bytes: 0xffffffff } }],
      {},
      /different things/,
    ],
    ['zip64 sizes in the list', [{ ...a, central: { extra: zip64Extra(12n, 14n) } }], {}, /zip64/],
    [
      'zip64 sizes in the list for real',
      [{ ...a, central: { bytes: 0xffffffff, extra: zip64Extra(12n, 14n) } }],
      {},
      /zip64/,
    ],
    ['a broken extra field', [{ ...a, central: { extra: Buffer.from('990010', 'hex') } }], {}, /extra field/],
    ['a descriptor that lies about the size', [{ ...a, descriptor: { bytes: 5 } }], {}, /different things/],
    ['a descriptor that lies about the checksum', [{ ...a, descriptor: { crc32: 5 } }], {}, /different things/],
    ['a missing descriptor', [{ ...a, local: { flags: 8 }, central: { flags: 8 } }], {}, /descriptor/],
    ['two names for one content', [a, b], { shared: ['c'] }, /different things/],
    [
      'overlapping contents',
      [{ ...a, central: { compressedBytes: 40 }, local: { compressedBytes: 40 } }, b],
      {},
      /overlap/,
    ],
    [
      'contents beyond the end',
      [{ ...a, central: { compressedBytes: 9999 }, local: { compressedBytes: 9999 } }],
      {},
      /no content/,
    ],
    ['local headers beyond the end', [{ ...a, central: { offset: 9999 } }], {}, /gap/],
    ['bytes between files', [{ ...a, gap: Buffer.from('hidden') }, b], {}, /gap/],
    ['bytes before the list', [{ ...a, gap: Buffer.from('hidden') }], {}, /gap/],
    ['bytes before the archive', [a], { prefix: Buffer.from('#!/bin/sh\n') }, /gap/],
    ['bytes after the archive', [a], { suffix: Buffer.from('x') }, /bytes after its end/],
    ['bytes after the list', [a], { beforeEnd: Buffer.from('x') }, /list of files and its end/],
    ['a second end in the comment', [a], { comment: buildZip([b]).toString('latin1') }, /bytes/],
    ['fewer entries than listed', [a, b], { count: 1 }, /after its list/],
    ['more entries than listed', [a], { count: 2 }, /broken list/],
    ['several disks', [a], { disk: 1 }, /disks/],
    ['a zip64 end', [a], { beforeEnd: Buffer.concat([Buffer.from('504b0607', 'hex'), Buffer.alloc(16)]) }, /zip64/],
    ['more content than said', [{ ...a, central: { bytes: 5 }, local: { bytes: 5 } }], {}, /more in/],
    ['less content than said', [{ ...a, central: { bytes: 50 }, local: { bytes: 50 } }], {}, /broken data/],
    ['a wrong checksum', [{ ...a, central: { crc32: 7 }, local: { crc32: 7 } }], {}, /broken data/],
    ['no deflate data', [{ ...a, stored: true, local: { method: 8 }, central: { method: 8 } }], {}, /broken data/],
    ['bytes after the compressed data', [{ ...a, tail: Buffer.from('hidden') }], {}, /hides/],
    [
      'two sizes of a stored file',
      [{ ...a, stored: true, local: { bytes: 5 }, central: { bytes: 5 } }],
      {},
      /two sizes/,
    ],
  ])('%s', async (_, files, lies, sentence) => {
    const message = expect.stringMatching(sentence) as string;
    await expect(readAll(buildZip(files, lies))).rejects.toMatchObject({ code: 'bad-archive', message });
  });

  test.each([
    ['size', { archiveBytes: 100 }],
    ['entries', { entries: 1 }],
    ['bytes of a file', { entryBytes: 11 }],
    ['bytes of all files', { totalBytes: 23 }],
  ])('more than the allowed %s', async (_, cap) => {
    const refused = readAll(buildZip([a, b]), { ...ZIP_CAPS, ...cap });
    await expect(refused).rejects.toMatchObject({ code: 'bad-archive' });
  });

  test('a bomb, before anything is unpacked', async () => {
    const bomb = buildZip([{ name: 'zeros', content: Buffer.alloc(40 << 20) }]);
    await expect(opened(bomb, () => 0)).rejects.toMatchObject({
      message: expect.stringContaining('200 times') as string,
    });
  });

  test('a failed extraction leaves no file', async () => {
    const target = join(await folder.path(), 'target');
    const bytes = buildZip([{ ...a, central: { crc32: 7 }, local: { crc32: 7 } }]);
    await expect(opened(bytes, (zip) => zip.extractTo('a', target))).rejects.toMatchObject({ code: 'bad-archive' });
    await expect(access(target)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('names in sentences cannot write to a terminal', async () => {
    const bytes = buildZip([{ name: '\u001b[2J\u202eevil/../x' }]);
    await expect(readAll(bytes)).rejects.toMatchObject({
      message: expect.not.stringMatching(/\p{Cc}|\p{Cf}/u) as string,
    });
  });

  test('every cut and every changed byte gives an error of its own or the very same contents', async () => {
    const sound = buildZip([a, { ...b, stored: true }, { name: 'c', content: 'c', descriptor: {} }]);
    const expected = [...(await readAll(sound))];
    const change = fc.tuple(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(change, async ([at, flip, cut]) => {
        const bytes = cut ? sound.subarray(0, at) : Buffer.from(sound);
        if (!cut) bytes.writeUInt8(bytes.readUInt8(at) ^ flip, at);
        const outcome = await readAll(bytes).then(
          (contents) => [...contents].map(([, content]) => content),
          (error: { code?: string }) => error.code,
        );
        expect([expected.map(([, content]) => content), 'bad-archive']).toContainEqual(outcome);
      }),
      { numRuns: 300 },
    );
  });
});
