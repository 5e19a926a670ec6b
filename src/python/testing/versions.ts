import fc from 'fast-check';

/** Random draws a property; `RENNET_PAIRS=100000 vitest run --project unit src/python` is the long proof. */
export const PAIRS = Number(process.env['RENNET_PAIRS'] ?? 3000);
/** Time limit of a property, in milliseconds. */
export const PAIRS_TIMEOUT = 20_000 + PAIRS * 3;

/** Small numbers, so that random versions meet; a long one now and then. */
const number = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 3 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('10', '007', '2023', '20230101123456789012', '20230101123456789013') },
);
const separator = fc.constantFrom('', '.', '-', '_');
const maybeNumber = fc.oneof(number, fc.constant(''));

function optional(part: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 2, arbitrary: fc.constant('') }, { weight: 1, arbitrary: part });
}

function segment(letters: readonly string[]): fc.Arbitrary<string> {
  return fc.tuple(separator, fc.constantFrom(...letters), separator, maybeNumber).map(joined);
}

const epoch = fc.oneof(
  { weight: 8, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom('1!', '0!') },
);
/** Half of them from a few neighbours: what the rules are about is how close versions compare. */
const release = fc.oneof(
  fc.constantFrom('1', '1.0', '1.1', '1.0.0', '1.0.1', '2'),
  fc.array(number, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')),
);
const pre = optional(segment(['a', 'b', 'c', 'rc', 'alpha', 'Beta', 'pre', 'preview']));
const post = optional(
  fc.oneof(
    segment(['post', 'rev', 'R']),
    number.map((text) => `-${text}`),
  ),
);
const dev = optional(segment(['dev', 'DEV']));
const local = optional(
  fc
    .array(fc.constantFrom('1', '02', 'a', 'B', '1e5', '0x1', 'ubuntu'), { minLength: 1, maxLength: 3 })
    .map((parts) => `+${parts.join('.')}`),
);

/** Versions that PEP 440 allows, in every spelling. */
export const versionText: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom('', 'v'), epoch, release, pre, post, dev, local)
  .map(joined);

const clause = fc.oneof(
  fc.tuple(fc.constantFrom('>=', '<=', '<', '>', '==', '!='), epoch, release, pre, post, dev).map(joined),
  fc.tuple(fc.constant('~='), epoch, number, fc.constant('.'), release, pre, post, dev).map(joined),
  fc.tuple(fc.constantFrom('==', '!='), epoch, release).map((parts) => `${joined(parts)}.*`),
  fc.tuple(fc.constantFrom('==', '!=', '==='), versionText).map((parts) => parts.join(' ')),
);

/** Specifiers of up to three clauses that PEP 440 allows. */
export const specifierText: fc.Arbitrary<string> = fc
  .array(clause, { minLength: 0, maxLength: 3 })
  .map((clauses) => clauses.join(','));

function joined(parts: readonly string[]): string {
  return parts.join('');
}
