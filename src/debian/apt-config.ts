import { join } from 'node:path';
import type { Target } from '../model/target.ts';

/** Settings of the host that must not reach the private root: other index files, languages, and where they are kept. */
const NOT_INHERITED = /^Acquire::(?:IndexTargets|Languages|GzipIndexes|PDiffs|ForceHash)\b/i;

/**
 * The configuration of a private apt root. apt reads `APT_CONFIG` before the host's snippets, so these would win; the snippets are
 * switched off and what matters of them (proxy, certificates, date checks, retries: all of `Acquire`) is copied from `hostDump`,
 * the output of `apt-config dump Acquire`. Hooks (DPkg::…, APT::Update::…) are never copied. Keys and passwords (trusted.gpg.d, auth.conf.d)
 * stay the host's own.
 */
export function renderAptConfig(target: Target, root: string, hostDump: string): string {
  const inherited = hostDump.split('\n').filter((line) => line !== '' && !NOT_INHERITED.test(line));
  return [
    ...inherited,
    setting('Dir::Etc::main', '/dev/null'),
    setting('Dir::Etc::parts', '/dev/null'),
    setting('Dir::Etc::preferences', '/dev/null'),
    setting('Dir::Etc::preferencesparts', '/dev/null'),
    setting('Dir::Etc::sourcelist', join(root, 'official.sources')),
    setting('Dir::Etc::sourceparts', '/dev/null'),
    setting('Dir::State', join(root, 'state')),
    setting('Dir::State::lists', join(root, 'state/lists')),
    setting('Dir::State::status', join(root, 'state/status')),
    setting('Dir::Cache', join(root, 'cache')),
    setting('Dir::Cache::pkgcache', 'pkgcache.bin'),
    setting('Dir::Cache::srcpkgcache', 'srcpkgcache.bin'),
    setting('Dir::Log', join(root, 'log')),
    setting('APT::Architecture', target.architecture),
    '#clear APT::Architectures;',
    `APT::Architectures { "${target.architecture}"; };`,
    setting('APT::Install-Recommends', 'false'),
    setting('APT::Install-Suggests', 'false'),
    setting('APT::Get::Remove', 'false'),
    // Any index that cannot be fetched is an error, not a warning with exit status 0.
    setting('APT::Update::Error-Mode', 'any'),
    setting('Acquire::Languages', 'none'),
    setting('Acquire::PDiffs', 'false'),
    // --print-uris would print MD5 otherwise.
    setting('Acquire::ForceHash', 'SHA256'),
    // Packages uncompressed: apt seeks in it for every package it prints (0.15 s less per call than in lz4).
    setting('Acquire::GzipIndexes', 'false'),
    contentsTarget('Contents-deb', '$(COMPONENT)/Contents-$(ARCHITECTURE)', '$(RELEASE)/$(COMPONENT)', ''),
    // Ubuntu keeps one list for the whole suite (apt-file(1) has the same pair).
    contentsTarget('Contents-deb-legacy', 'Contents-$(ARCHITECTURE)', '$(RELEASE)', 'Contents-deb'),
    '',
  ].join('\n');
}

function setting(name: string, value: string): string {
  return `${name} "${value}";`;
}

/** `Contents-all` comes along by itself where the archive keeps it apart. */
function contentsTarget(name: string, metaKey: string, where: string, fallbackOf: string): string {
  const fallback = fallbackOf === '' ? '' : ` Fallback-Of "${fallbackOf}";`;
  return (
    `Acquire::IndexTargets::deb::${name} { MetaKey "${metaKey}"; ShortDescription "Contents-$(ARCHITECTURE)"; ` +
    `Description "${where} $(ARCHITECTURE) Contents (deb)";${fallback} Optional "true"; KeepCompressed "true"; KeepCompressedAs "gz"; };`
  );
}
