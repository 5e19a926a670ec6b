import { describe, expect, it } from 'vitest';
import { interpreterOf, rewriteShebang } from './shebang.ts';

describe('interpreterOf', () => {
  it.each([
    ['#!python', '/usr/bin/python3'],
    ['#!pythonw', '/usr/bin/python3'],
    ['#! /usr/bin/env python3', '/usr/bin/python3'],
    ['#!/usr/bin/env -S python3 -u', '/usr/bin/python3'],
    ['#!/build/venv/bin/python3.11 -E', '/usr/bin/python3'],
    ['#!/usr/bin/env A=b bash', '/bin/bash'],
    ['#!/bin/dash', '/bin/sh'],
    ['#!/usr/bin/python2', undefined],
    ['#!/usr/bin/env node', undefined],
    ['#!/bin/constructor', undefined],
    ['#!/usr/bin/env', undefined],
    ['#!', undefined],
  ])('%s gives %s', (shebang, interpreter) => {
    expect(interpreterOf(shebang)).toBe(interpreter);
  });
});

describe('rewriteShebang', () => {
  it('keeps all bytes after the first line', () => {
    const script = Buffer.from([...Buffer.from('#!python\r\n'), 0xff, 0x00, 0x0a]);
    expect(rewriteShebang(script, '/usr/bin/python3')).toEqual(
      Buffer.from([...Buffer.from('#!/usr/bin/python3\n'), 0xff, 0x00, 0x0a]),
    );
    expect(rewriteShebang(Buffer.from('#!python'), '/bin/sh').toString()).toBe('#!/bin/sh\n');
  });
});
