import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyLog, exhaustion, otherPlatformLine } from './classify.ts';
import { PATTERNS } from './patterns.ts';
import { TAILS } from './testing/log-tails.ts';

describe('classifyLog', () => {
  it.each(TAILS)('%s', (tail, failure, subject, kind) => {
    const found = classifyLog(`running build\n${tail}\n`);
    expect(found).toMatchObject({ class: failure, subject });
    expect(found.missing.map((missing) => missing.kind).slice(0, 1)).toEqual(kind === undefined ? [] : [kind]);
    expect(found.sentence).toMatch(/^[^\n]{10,}[.!?]$/);
    expect(tail === '' || `running build\n${tail}`.includes(found.logLine)).toBe(true);
  });

  it('prefers the missing header to the compiler error that follows from it', () => {
    const log =
      "a.c:1:9: fatal error: Python.h: No such file or directory\ncompilation terminated.\nerror: command 'gcc' failed with exit status 1\n";
    expect(classifyLog(log).class).toBe('missing-header');
  });

  it('names all that a linker misses, the last one first, then what is less sure', () => {
    const log =
      'Could NOT find SWIG\nld: cannot find -lone\nld: cannot find -ltwo\ncollect2: error: ld returned 1 exit status';
    expect(classifyLog(log).missing).toEqual([
      { kind: 'library', name: 'two' },
      { kind: 'library', name: 'one' },
      { kind: 'component', name: 'SWIG' },
    ]);
  });

  it('asks for nothing where the build wanted the network', () => {
    const log =
      'Could NOT find ZLIB\nsocket.gaierror: [Errno -3] Temporary failure in name resolution\nswig: not found';
    expect(classifyLog(log)).toMatchObject({ class: 'needs-network', missing: [] });
  });

  it('tells a missing file from a missing program by who looked for it', () => {
    const line = "FileNotFoundError: [Errno 2] No such file or directory: 'swig'";
    expect(classifyLog(`  File "setup.py", line 3\n${line}`).class).toBe('missing-file');
  });

  it('never gives control characters or escape sequences on, whatever the log holds', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('ValueError: ', "No module named '", 'ld: cannot find -l', ''),
        (noise, start) => {
          const { logLine, subject, sentence, missing } = classifyLog(`${start}\u001b[31m${noise}\u202e'\n`);
          const said = logLine + subject + sentence + missing.map(({ name }) => name).join('');
          expect(said).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        },
      ),
    );
  });

  it('reads a log of one endless line in time', () => {
    expect(classifyLog('a'.repeat(4_000_000)).class).toBe('unknown');
  });

  it('has no repetition of a repetition: a line made for it would keep it busy for ever', () => {
    for (const { line } of PATTERNS) expect(line.source).not.toMatch(/[+*}]\??\)(?:[+*]|\{\d+,\}|\{\d+,\d{2,}\})/);
  });

  it.each([' ', "'", '-', "', '--", ' --a'])('reads 4,000 lines of %j', (piece) => {
    const line = piece.repeat(1000).slice(0, 1000);
    const starts = ['', 'cannot find ', "Command 'pkg-config --a ", 'fatal error: a', 'Error: '];
    const log = Array.from({ length: 4000 }, (_, index) => (starts[index % starts.length] ?? '') + line).join('\n');
    expect(classifyLog(log).logLine.length).toBeLessThanOrEqual(300);
  });
});

describe('what a guest ran out of', () => {
  it.each([
    [
      'gcc\ncc1: error: a.o: No space left on device\nmake: stopped\n',
      'disk',
      'cc1: error: a.o: No space left on device',
    ],
    [
      'c++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.',
      'memory',
      'c++: fatal error: Killed signal terminated program cc1plus',
    ],
    ['virtual memory exhausted: Cannot allocate memory', 'memory', 'virtual memory exhausted: Cannot allocate memory'],
    ['MemoryError', 'memory', 'MemoryError'],
  ])('%s', (log, limit, logLine) => {
    expect(exhaustion(log)).toEqual({ limit, logLine });
  });

  it('is nothing elsewhere', () => {
    expect(exhaustion('gcc\nmake: stopped\n')).toBeUndefined();
  });
});

it.each([
  ['error: PyObjC requires macOS to build', true],
  ['RuntimeError: This package only works on Windows', true],
  ['x is only supported on macOS.', true],
  ['checking whether this is Windows... no', false],
  ['warning: Windows is not tested', false],
])('other platforms: %s', (line, isElsewhere) => {
  expect(otherPlatformLine(`running build\n${line}\n`)).toBe(isElsewhere ? line : undefined);
});
