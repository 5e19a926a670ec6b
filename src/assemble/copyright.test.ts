import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStanzas } from '../debian/deb822.ts';
import { copyrightFile } from './copyright.ts';
import { METADATA } from '../model/testing/curd.ts';

const LICENCE =
  'MIT License\n\nCopyright (c) 2020 A. Maker\n.\nPermission is hereby granted, free of charge, to any person obtaining a copy of it, to deal in the Software without restriction\n';

describe('copyrightFile', () => {
  it('has the notice, the licence and its text', () => {
    const { text } = copyrightFile(METADATA, [{ name: 'LICENSE', text: LICENCE }], 'https://curd.example.org/');
    expect(text).toContain('\nSource: https://curd.example.org/\n');
    expect(text).toContain(
      '\nFiles: *\nCopyright: Copyright (c) 2020 A. Maker\nLicense: MIT\n LICENSE:\n .\n MIT License\n',
    );
  });

  it('names who to ask', () => {
    const contact = (people: Partial<typeof METADATA>) =>
      /^Upstream-Contact:.*(?:\n .*)*/m.exec(copyrightFile({ ...METADATA, ...people }, [], undefined).text)?.[0];
    expect(contact({})).toBeUndefined();
    expect(contact({ author: 'A', authorEmail: 'a@x.example.org', maintainer: 'B' })).toBe(
      'Upstream-Contact: A <a@x.example.org>\n  B',
    );
    expect(contact({ authorEmail: 'A <a@x.example.org>, B <b@x.example.org>' })).toBe(
      'Upstream-Contact: A <a@x.example.org>, B <b@x.example.org>',
    );
  });

  it('refers to the common licences in place of a copy of their texts', () => {
    const full = `${' '.repeat(20)}Apache License\n${' '.repeat(10)}Version 2.0, January 2004\nterms and conditions`;
    const { text } = copyrightFile(
      { ...METADATA, licenseExpression: 'Apache-2.0' },
      [{ name: 'LICENSE', text: full }],
      undefined,
    );
    expect(text).toContain('/usr/share/common-licenses/Apache-2.0');
    expect(text).not.toContain('terms and conditions');
  });

  it('refers to no licence by the name of a property of every object', () => {
    const { text } = copyrightFile({ ...METADATA, licenseExpression: 'constructor' }, [], undefined);
    expect(text).toContain('License: constructor\n Upstream ships no licence text.\n');
  });

  it('says so where nothing is stated', () => {
    const { text, licence } = copyrightFile({ ...METADATA, author: 'A. Maker' }, [], undefined);
    expect(licence.from).toBe('nothing');
    expect(text).toContain('\nCopyright: not stated; by A. Maker\nLicense: unknown\n');
    expect(text).toContain('states no licence');
  });

  it('stays two stanzas of the same fields, whatever the release says', () => {
    const hostile = fc.string({
      unit: fc.constantFrom(
        'a',
        '\n',
        '\r',
        '.',
        ' ',
        '\t',
        ':',
        '\0',
        '\u202e',
        '\u2028',
        'É',
        'Copyright 2020',
        '\ud800',
      ),
    });
    fc.assert(
      fc.property(hostile, hostile, hostile, hostile, (name, author, license, text) => {
        const metadata = { ...METADATA, name, author, license, licenseExpression: license };
        const file = copyrightFile(metadata, [{ name, text }], `https://x.example.org/${author}`);
        const [header, files, ...more] = parseStanzas(file.text);
        expect(more).toEqual([]);
        expect([...(header?.keys() ?? [])].filter((key) => !['Source', 'Upstream-Contact'].includes(key))).toEqual([
          'Format',
          'Upstream-Name',
          'Comment',
        ]);
        expect([...(files?.keys() ?? [])]).toEqual(['Files', 'Copyright', 'License']);
        expect(file.text.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
