import type { CoreMetadata } from '../model/release.ts';

/** A licence as the copyright file names it. */
export interface Licence {
  /** Short names of the copyright format with `and`/`or`; `unknown` where nothing states one. */
  readonly name: string;
  /** SPDX or short names in it, each once. */
  readonly parts: readonly string[];
  readonly from: 'expression' | 'classifier' | 'field' | 'text' | 'nothing';
}

/** Trove classifiers that name one licence exactly, without the prefix up to the last `::`. */
const CLASSIFIERS: ReadonlyMap<string, string> = new Map([
  ['MIT License', 'MIT'],
  ['MIT No Attribution License (MIT-0)', 'MIT-0'],
  ['Apache Software License', 'Apache-2.0'],
  ['BSD License', 'BSD'],
  ['ISC License (ISCL)', 'ISC'],
  ['Mozilla Public License 2.0 (MPL 2.0)', 'MPL-2.0'],
  ['Mozilla Public License 1.1 (MPL 1.1)', 'MPL-1.1'],
  ['GNU General Public License v2 (GPLv2)', 'GPL-2'],
  ['GNU General Public License v2 or later (GPLv2+)', 'GPL-2+'],
  ['GNU General Public License v3 (GPLv3)', 'GPL-3'],
  ['GNU General Public License v3 or later (GPLv3+)', 'GPL-3+'],
  ['GNU Lesser General Public License v2 (LGPLv2)', 'LGPL-2'],
  ['GNU Lesser General Public License v2 or later (LGPLv2+)', 'LGPL-2+'],
  ['GNU Lesser General Public License v3 (LGPLv3)', 'LGPL-3'],
  ['GNU Lesser General Public License v3 or later (LGPLv3+)', 'LGPL-3+'],
  ['GNU Affero General Public License v3', 'AGPL-3'],
  ['GNU Affero General Public License v3 or later (AGPLv3+)', 'AGPL-3+'],
  ['Python Software Foundation License', 'PSF-2'],
  ['Zope Public License', 'ZPL-2.1'],
  ['The Unlicense (Unlicense)', 'Unlicense'],
  ['CC0 1.0 Universal (CC0 1.0) Public Domain Dedication', 'CC0-1.0'],
  ['zlib/libpng License', 'Zlib'],
  ['Boost Software License 1.0 (BSL-1.0)', 'BSL-1.0'],
  ['Eclipse Public License 2.0 (EPL-2.0)', 'EPL-2.0'],
  ['European Union Public Licence 1.2 (EUPL 1.2)', 'EUPL-1.2'],
  ['Public Domain', 'public-domain'],
]);

/** SPDX names that the copyright format spells in its own way (copyright-format 1.0, 7.1). */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/^((?:A|L)?GPL-\d(?:\.\d)?)-only$/, '$1'],
  [/^((?:A|L)?GPL-\d(?:\.\d)?)-or-later$/, '$1+'],
  [/^((?:A|L)?GPL-[123])\.0(\+?)$/, '$1$2'],
  [/^Python-2\.0(?:\.1)?$/, 'PSF-2'],
];

/** What people write into the free field, in lower case without `the`, `license`, `licence` and blanks. */
const FIELD_NAMES: readonly (readonly [RegExp, string])[] = [
  [/^(?:expat|mit)$/, 'MIT'],
  [/^(?:apache|apachesoftware|asl)[-,]?(?:v|version)?2(?:\.0)?$/, 'Apache-2.0'],
  [/^(?:bsd-?3-?clause|3-?clausebsd|newbsd|modifiedbsd)$/, 'BSD-3-Clause'],
  [/^(?:bsd-?2-?clause|2-?clausebsd|simplifiedbsd)$/, 'BSD-2-Clause'],
  [/^bsd$/, 'BSD'],
  [/^isc$/, 'ISC'],
  [/^mpl-?(?:v)?2(?:\.0)?$/, 'MPL-2.0'],
  [/^(?:gnu)?gpl-?v?2$/, 'GPL-2'],
  [/^(?:gnu)?gpl-?v?3$/, 'GPL-3'],
  [/^(?:gnu)?gpl-?v?3(?:\+|orlater)$/, 'GPL-3+'],
  [/^(?:gnu)?lgpl-?v?3$/, 'LGPL-3'],
  [/^unlicense$/, 'Unlicense'],
  [/^psf$/, 'PSF-2'],
];

/**
 * Phrases that stand together in one licence text only, blanks folded and in lower case; the first row that matches counts.
 * Plain searches, because the texts are hostile and a pattern with two open ends takes quadratic time.
 */
const TEXTS: readonly (readonly [name: string, ...phrases: string[]])[] = [
  ['Apache-2.0', 'apache license', 'version 2.0, january 2004'],
  ['AGPL-3', 'gnu affero general public license version 3'],
  ['LGPL-3', 'gnu lesser general public license version 3'],
  ['LGPL-2.1', 'gnu lesser general public license version 2.1'],
  ['GPL-3', 'gnu general public license version 3'],
  ['GPL-2', 'gnu general public license version 2'],
  ['MPL-2.0', 'mozilla public license', 'version 2.0', 'exhibit a'],
  [
    'MIT',
    'permission is hereby granted, free of charge, to any person obtaining a copy',
    'to deal in the software without restriction',
  ],
  [
    'ISC',
    'permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted',
  ],
  [
    'ISC',
    'permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted',
  ],
  ['BSD-3-Clause', 'redistribution and use in source and binary forms', 'neither the name', 'may be used to endorse'],
  [
    'BSD-2-Clause',
    'redistribution and use in source and binary forms',
    'redistributions in binary form must reproduce',
  ],
  ['Unlicense', 'this is free and unencumbered software released into the public domain'],
  ['PSF-2', 'python software foundation license version 2'],
  ['CC0-1.0', 'cc0 1.0 universal'],
];

/** The licence that a release states: the SPDX expression, else classifiers, else the free field, else its texts. Never throws. */
export function licenceOf(metadata: CoreMetadata, texts: readonly string[]): Licence {
  const expression = metadata.licenseExpression && readExpression(metadata.licenseExpression);
  if (expression) return { ...expression, from: 'expression' };
  const classified = metadata.classifiers.flatMap((line) =>
    line.startsWith('License ::') ? (CLASSIFIERS.get(line.split('::').at(-1)?.trim() ?? '') ?? []) : [],
  );
  const refined = classified.map((name) =>
    name === 'BSD' ? (texts.map(fromText).find((found) => found?.startsWith('BSD')) ?? name) : name,
  );
  // Several classifiers do not say whether one may choose; "and" promises nothing that is not true.
  if (refined.length > 0) return joined(refined, 'classifier');
  const field = fromField(metadata.license ?? '');
  if (field) return joined([field], 'field');
  const found = [...texts, metadata.license ?? ''].flatMap((text) => fromText(text) ?? []);
  return found.length > 0 ? joined(found, 'text') : { name: 'unknown', parts: [], from: 'nothing' };
}

/** An expression of plain names with AND and OR; parentheses and WITH have no form in the copyright format. */
function readExpression(text: string): Omit<Licence, 'from'> | undefined {
  const words = text.trim().split(/\s+/);
  const plain = words.every((word, index) =>
    index % 2 === 0 ? /^[A-Za-z0-9][A-Za-z0-9.+-]{0,60}$/.test(word) : /^(?:AND|OR)$/i.test(word),
  );
  if (!plain || words.length % 2 === 0 || words.length > 19) return undefined;
  const spelled = words.map((word, index) => (index % 2 === 0 ? shortName(word) : word.toLowerCase()));
  return { name: spelled.join(' '), parts: [...new Set(spelled.filter((_, index) => index % 2 === 0))] };
}

function shortName(spdx: string): string {
  for (const [pattern, spelling] of SPELLINGS)
    if (pattern.test(spdx)) return shortName(spdx.replace(pattern, spelling));
  return spdx;
}

function fromField(text: string): string | undefined {
  if (text.length > 60) return undefined;
  const plain = text.toLowerCase().replace(/\b(?:the|licen[cs]ed?)\b|\s+/g, '');
  return FIELD_NAMES.find(([pattern]) => pattern.test(plain))?.[1];
}

function fromText(text: string): string | undefined {
  const plain = text
    .slice(0, 65_536)
    .toLowerCase()
    .replace(/[\s"'*]+/g, ' ');
  return TEXTS.find(([, ...phrases]) => phrases.every((phrase) => plain.includes(phrase)))?.[0];
}

function joined(names: readonly string[], from: Licence['from']): Licence {
  const parts = [...new Set(names)];
  return { name: parts.join(' and '), parts, from };
}
