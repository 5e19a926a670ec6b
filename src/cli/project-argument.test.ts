import { describe, expect, it } from 'vitest';
import { parseProjectArgument } from './project-argument.ts';

describe('parseProjectArgument', () => {
  it.each([
    ['ftfy', 'ftfy', ''],
    ['Flask_SQLAlchemy', 'flask-sqlalchemy', ''],
    ['ftfy==6.3.1', 'ftfy', '==6.3.1'],
    ['ftfy >=6, <7', 'ftfy', '>=6, <7'],
    [' ftfy~=6.1 ', 'ftfy', '~=6.1'],
  ])('%j', (text, project, specifier) => expect(parseProjectArgument(text)).toEqual({ project, specifier }));

  it.each(['', '../x', '-x', 'x'.repeat(301), 'ftfy/..', '\u001b[31mftfy'])('refuses %j', (text) =>
    expect(() => parseProjectArgument(text)).toThrow(expect.objectContaining({ kind: 'user' })),
  );

  it.each(['ftfy==', 'ftfy=1', 'ftfy>=a b', 'ftfy@http://example.org/x'])('refuses the specifier of %j', (text) =>
    expect(() => parseProjectArgument(text)).toThrow(expect.objectContaining({ code: 'bad-specifier' })),
  );
});
