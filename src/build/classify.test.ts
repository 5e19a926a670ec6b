import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyLog, diskFullLine, failureSentence } from './classify.ts';

describe('classifyLog', () => {
  it.each([
    ['src/x.c:3:10: fatal error: gmp.h: No such file or directory', 'missing-header', 'gmp.h'],
    ['x.c:1:10: fatal error: libxml/tree.h: No such file or directory', 'missing-header', 'libxml/tree.h'],
    ['/usr/bin/ld: cannot find -lgmp: No such file or directory', 'missing-library', 'gmp'],
    ["No package 'libffi' found", 'missing-pkg-config', 'libffi'],
    ["ModuleNotFoundError: No module named 'numpy'", 'missing-module', 'numpy'],
    ['/bin/sh: 1: cmake: not found', 'missing-program', 'cmake'],
    ["FileNotFoundError: [Errno 2] No such file or directory: 'mysql_config'", 'missing-program', 'mysql_config'],
    [
      'urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>',
      'needs-network',
      'Temporary failure in name resolution',
    ],
    [
      "error: command '/usr/bin/gcc' failed with exit code 1",
      'compiler-error',
      "error: command '/usr/bin/gcc' failed with exit code 1",
    ],
    ['ValueError: odd thing', 'back-end-error', 'ValueError: odd thing'],
    ['nothing that anybody knows', 'unknown', ''],
    ['', 'unknown', ''],
  ])('%s', (line, failure, subject) => {
    const log = `running build\n${line}\n`;
    expect(classifyLog(log)).toMatchObject({ class: failure, subject });
    expect(failureSentence(classifyLog(log).class, subject)).toMatch(/[.:\w]$/);
  });

  it('prefers the missing header to the compiler error that follows from it', () => {
    const log =
      "a.c:1:9: fatal error: Python.h: No such file or directory\ncompilation terminated.\nerror: command 'gcc' failed with exit status 1\n";
    expect(classifyLog(log).class).toBe('missing-header');
  });

  it('never gives control characters or escape sequences on, whatever the log holds', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('ValueError: ', "No module named '", ''),
        (noise, start) => {
          const { logLine, subject } = classifyLog(`${start}\u001b[31m${noise}\u202e'\n`);
          expect(logLine + subject).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        },
      ),
    );
  });

  it('reads a log of one endless line in time', () => {
    expect(classifyLog('a'.repeat(4_000_000)).class).toBe('unknown');
  });
});

it('finds the line of a full disk, and none elsewhere', () => {
  expect(diskFullLine('gcc\ncc1: error: a.o: No space left on device\nmake: stopped\n')).toBe(
    'cc1: error: a.o: No space left on device',
  );
  expect(diskFullLine('gcc\nmake: stopped\n')).toBeUndefined();
});
