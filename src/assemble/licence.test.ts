import { describe, expect, it } from 'vitest';
import type { CoreMetadata } from '../model/release.ts';
import { licenceOf } from './licence.ts';
import { METADATA } from '../model/testing/curd.ts';

const MIT =
  'Permission is hereby granted, free of charge, to any person obtaining\na copy of this software, to deal in the\n  Software without restriction';
const BSD =
  'Redistribution and use in source and binary forms\n…Redistributions in binary form must reproduce… Neither the name of the author may be used to endorse';

describe('licenceOf', () => {
  it.each<[string, Partial<CoreMetadata>, string[], string, string]>([
    ['an expression', { licenseExpression: 'MIT', license: 'GPL' }, [], 'MIT', 'expression'],
    [
      'an expression with a choice',
      { licenseExpression: 'Apache-2.0 OR GPL-3.0-or-later' },
      [],
      'Apache-2.0 or GPL-3+',
      'expression',
    ],
    [
      'an expression that has no form here',
      { licenseExpression: 'MIT AND (ISC OR BSD-2-Clause)' },
      [MIT],
      'MIT',
      'text',
    ],
    ['an expression with a line end', { licenseExpression: 'MIT\nEssential: yes' }, [], 'unknown', 'nothing'],
    ['a classifier', { classifiers: ['License :: OSI Approved :: MIT License'] }, [], 'MIT', 'classifier'],
    [
      'two classifiers',
      { classifiers: ['License :: OSI Approved :: MIT License', 'License :: OSI Approved :: Apache Software License'] },
      [],
      'MIT and Apache-2.0',
      'classifier',
    ],
    [
      'a vague classifier and a text',
      { classifiers: ['License :: OSI Approved :: BSD License'] },
      [BSD],
      'BSD-3-Clause',
      'classifier',
    ],
    ['a classifier that says nothing', { classifiers: ['License :: OSI Approved'] }, [], 'unknown', 'nothing'],
    ['a free field', { license: 'The MIT License' }, [], 'MIT', 'field'],
    ['another free field', { license: 'Apache License, Version 2.0' }, [], 'Apache-2.0', 'field'],
    ['a text', {}, [MIT], 'MIT', 'text'],
    ['a text in the free field', { license: MIT }, [], 'MIT', 'text'],
    [
      'a classifier with the name of a property of every object',
      { classifiers: ['License :: constructor'] },
      [],
      'unknown',
      'nothing',
    ],
    ['nothing', {}, ['All rights reserved'], 'unknown', 'nothing'],
  ])('reads %s', (_, metadata, texts, name, from) => {
    expect(licenceOf({ ...METADATA, ...metadata }, texts)).toMatchObject({ name, from });
  });
});
