import { describe, expect, it } from 'vitest';
import { parseProjectArgument } from './project-argument.ts';

describe('parseProjectArgument', () => {
  it.each([
    ['ftfy', 'ftfy', ''],
    ['Httpx [HTTP_2, a]>=0.27', 'httpx', '>=0.27', 'a', 'http-2'],
    ['httpx[]', 'httpx', ''],
    ['Flask_SQLAlchemy', 'flask-sqlalchemy', ''],
    ['ftfy==6.3.1', 'ftfy', '==6.3.1'],
    ['ftfy >=6, <7', 'ftfy', '>=6, <7'],
    [' ftfy~=6.1 ', 'ftfy', '~=6.1'],
  ])('%j', (text, project, specifier, ...extras) =>
    expect(parseProjectArgument(text)).toEqual({ project, specifier, extras }),
  );

  it.each(['', '../x', '-x', 'x'.repeat(301), 'ftfy/..', 'ftfy[a b]', 'ftfy[-]', '\u001b[31mftfy'])(
    'refuses %j',
    (text) => expect(() => parseProjectArgument(text)).toThrow(expect.objectContaining({ kind: 'user' })),
  );

  it.each(['ftfy==', 'ftfy=1', 'ftfy>=a b', 'ftfy@http://example.org/x'])('refuses the specifier of %j', (text) =>
    expect(() => parseProjectArgument(text)).toThrow(expect.objectContaining({ code: 'bad-specifier' })),
  );
});
