import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readElf } from './elf.ts';
import { elfFile } from './testing/elf.ts';

const read = (bytes: Buffer) => readElf((offset, length) => bytes.subarray(offset, offset + length));

describe('readElf', () => {
  it('reads what a file says of itself', () => {
    expect(
      read(
        elfFile({ soname: 'libcurd.so.1', runpath: '$ORIGIN/lib:/opt', interpreter: '/lib64/ld-linux-x86-64.so.2' }),
      ),
    ).toEqual({
      bits: 64,
      littleEndian: true,
      machine: 62,
      type: 3,
      executableStack: false,
      interpreter: '/lib64/ld-linux-x86-64.so.2',
      soname: 'libcurd.so.1',
      needed: [],
      searchPath: ['$ORIGIN/lib', '/opt'],
    });
  });

  it('reads the running Node', () => {
    const facts = read(readFileSync(process.execPath));
    expect(facts).toMatchObject({ executableStack: false, machine: process.arch === 'x64' ? 62 : 183 });
    expect('needed' in facts && facts.needed).toContain('libc.so.6');
  });

  it('never throws, whatever is changed or cut off', () => {
    const whole = elfFile({ soname: 'a', runpath: 'b', interpreter: '/c' });
    fc.assert(
      fc.property(
        fc.nat(whole.length),
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 }),
        (length, changes) => {
          const bytes = Buffer.from(whole);
          for (const [at, value] of changes) bytes[at] = value;
          const facts = read(bytes.subarray(0, length));
          expect('malformed' in facts || facts.bits).toBeTruthy();
        },
      ),
      { numRuns: 2000 },
    );
  });
});
