import { describe, expect, it } from 'vitest';
import { outcomeOfError } from './attempt.ts';
import { RennetError } from './model/errors.ts';

describe('outcomeOfError', () => {
  it.each([
    [new RennetError('wrong-hash', 'x'), { kind: 'rejected', rule: 'wrong-hash' }],
    [new RennetError('bad-archive', 'x'), { kind: 'rejected', rule: 'bad-archive' }],
    [new RennetError('bad-metadata', 'x'), { kind: 'build-failed', class: 'bad-metadata' }],
    [new RennetError('unmappable-version', 'x'), { kind: 'held', rule: 'unmappable-version' }],
    [new RennetError('index-unreachable', 'x'), { kind: 'infrastructure' }],
    [new RennetError('no-space', 'x'), { kind: 'infrastructure' }],
    [new RennetError('cancelled', 'x'), { kind: 'cancelled' }],
    [Object.assign(new Error('x'), { code: 'ENOSPC' }), { kind: 'infrastructure' }],
    [new TypeError('x is not a function'), { kind: 'infrastructure' }],
    ['odd', { kind: 'infrastructure' }],
  ])('%s', (error, outcome) => {
    expect(outcomeOfError(error)).toMatchObject(outcome);
    expect(outcomeOfError(error).sentence).not.toBe('');
  });

  it('tells what to do next where the error knows it', () =>
    expect(outcomeOfError(new RennetError('no-space', 'Full.', 'Free some.')).sentence).toBe('Full. Free some.'));
});
