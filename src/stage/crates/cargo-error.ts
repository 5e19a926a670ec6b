import { RennetError } from '../../model/errors.ts';
import { plainText } from '../../model/text.ts';
import type { LockedCrate } from '../../python/cargo-lock.ts';
import type { CargoResult } from './cargo.ts';

/** What cargo says of the lock or of a crate, whatever stands around it. */
const THEIRS =
  /no matching package|candidate versions found|failed to select a version|does not match any|yanked|failed to parse (?:manifest|lock file)|failed to download from[^]* got (?:404|410|451)/;
/** What it says where the registry, the way to it, this host's disk or the operator's settings are at fault. */
const NOT_THEIRS =
  /failed to query replaced source|failed to load source|unable to update|config\.json|failed to download from|spurious network error|curl|\[\d+\] [A-Z]|timed? ?out|could ?n[o']t? (?:connect|resolve)|connection|network|HTTP response|SSL|certificate|authenticat|token|configuration|os error (?:5|12|13|24|28|30|122)\b/i;
/** Of cargo for every error of its own; rustup, a signal and our time limit give others. */
const CARGO_FAILED = 101;

/**
 * Whose fault it is that cargo did not bring a crate. Only what speaks of the network or of this host is `index-unreachable`: that ends a whole run, which no
 * lock of a stranger may do. Anything else is the package's, `bad-metadata`.
 */
export function notFetched({ name, version }: LockedCrate, { ok, status, said }: CargoResult): RennetError {
  const which = `the crate ${name} ${version}`;
  if (ok) return new RennetError('bad-metadata', `Cargo.lock pins ${which}, in whose place cargo took another one.`);
  const own = ownWords(said);
  if (status !== CARGO_FAILED || (!THEIRS.test(own) && NOT_THEIRS.test(own)))
    return new RennetError(
      'index-unreachable',
      `cargo could not fetch ${which}: ${lastError(said)}`,
      'Try again later.',
    );
  return new RennetError(
    'bad-metadata',
    THEIRS.test(own) && !own.includes('failed to parse')
      ? `Cargo.lock pins ${which}, which the registry does not give: ${lastError(said)}`
      : `Cargo.lock pins ${which}, which cargo does not take: ${lastError(said)}`,
  );
}

/** The errors without what they quote: names and lines of a manifest are a stranger's words. */
function ownWords(said: string): string {
  return said
    .slice(Math.max(0, said.indexOf('error: ')))
    .replace(/`[^`\n]*`/g, '``')
    .replace(/^\s*\d*\s*\|.*$/gm, '');
}

/** The first error that cargo reports, with the causes on its heels, on one line. */
export function lastError(said: string): string {
  const start = said.indexOf('error: ');
  const lines = plainText(start < 0 ? said : said.slice(start + 7)).split('\n');
  const text = lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== 'Caused by:')
    .slice(0, 3)
    .join('; ')
    .slice(0, 300);
  return `${text.replace(/[.;]*$/, '')}.`;
}
