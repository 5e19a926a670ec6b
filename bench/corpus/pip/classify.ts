import { plainText } from '../../../src/model/text.ts';
import type { PipFailure } from './result.ts';

/** What a log says of a failed `pip install`, strongest first: the network explains all else; what a build lacks is `build-failed`, too. */
const SIGNS: readonly (readonly [PipFailure, RegExp])[] = [
  // Its warnings of single tries do not count, but for the last of them; what a setup.py says of the network is the project's own affair.
  [
    'infrastructure',
    /^(?:ERROR: |pip\._vendor\.\S+: ).*(?:Max retries exceeded|Read timed out|Connection (?:reset|broken|refused)|HTTP error (?:429|5\d\d))|^WARNING: Retrying \(Retry\(total=0,/m,
  ],
  ['disk', /^(?:ERROR|OSError): .*(?:No space left on device|File too large)/m],
  ['conflict', /^ERROR: (?:ResolutionImpossible|Cannot install .* conflicting)/m],
  [
    'build-failed',
    /^[ \t]*(?:error: (?:subprocess-exited|metadata-generation|legacy-install)|ERROR: (?:Failed building|Could not build|Failed to build))/m,
  ],
  ['not-found', /^ERROR: (?:Could not find a version|No matching distribution)/m],
];

/** What a build says last of its own failure. */
const BUILD_ERROR = /^\s*(?:\w+\.)*\w*(?:Error|Exception): .+|^.*\berror: .+/;

/** The class of a failed installation and the line that shows it. Hostile text, made plain. Pure. */
export function classifyInstall(log: string): { class: PipFailure; lastLine: string } {
  const lines = log.split('\n').map((line) => plainText(line).trim().slice(0, 300));
  for (const [kind, sign] of SIGNS) {
    const found = sign.exec(log);
    if (!found) continue;
    const shown = log.slice(0, found.index).split('\n').length - 1;
    const said =
      kind === 'build-failed' ? lines.findLast((line) => BUILD_ERROR.test(line) && !PIPS_OWN.test(line)) : '';
    return { class: kind, lastLine: said || (lines[shown] ?? '') };
  }
  return { class: 'install-failed', lastLine: lines.findLast((line) => line !== '') ?? '' };
}

/** pip says of each failed build that one failed. */
const PIPS_OWN = /error: (?:subprocess-exited|metadata-generation|legacy-install)/;
