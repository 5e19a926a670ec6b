import { Parser } from 'htmlparser2';
import { RennetError } from '../model/errors.ts';
import type { Project, Release, ReleaseFile } from '../model/release.ts';
import { normaliseProject } from '../model/project-name.ts';
import { type FileName, parseFileName } from './name.ts';
import { type PageFile, ProjectPage } from './schema.ts';
import { compareVersions } from './version.ts';

/** JSON first, HTML where the index has nothing better (PEP 691, "Version + format selection"). */
export const ACCEPTED_PAGES =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1';

/** A page as it came: its bytes, its type, and its address after redirects. */
export interface IndexPage {
  readonly contentType: string;
  readonly url: string;
  readonly body: string;
}

/**
 * Reads a project page of either form into releases, newest first. Pure. What is no file of the project goes to
 * `unreadable`. RennetError `bad-index-page` where the page as a whole cannot be read.
 */
export function parseIndexPage(page: IndexPage, project: string): Project {
  const type = (page.contentType.split(';')[0] ?? '').trim().toLowerCase();
  const files = type.endsWith('json') ? readJson(page, project) : type.endsWith('html') ? readHtml(page) : undefined;
  if (files === undefined) throw badPage(project, `it has the type ${type || '(none)'}`);
  return groupFiles(project, files);
}

function groupFiles(project: string, files: readonly PageFile[]): Project {
  const unreadable: { filename: string; reason: string }[] = [];
  const byVersion = new Map<string, { version: string; files: ReleaseFile[] }>();
  const seen = new Set<string>();
  for (const file of files) {
    const { filename } = file;
    const name = readName(project, filename);
    if (name.kind === undefined) unreadable.push({ filename: filename.slice(0, 255), reason: name.unreadable });
    else if (!URL.canParse(file.url) || !/^https?:/.test(file.url))
      unreadable.push({ filename, reason: 'its address is not http(s)' });
    else if (seen.has(filename)) unreadable.push({ filename, reason: 'the page lists this name twice' });
    else {
      seen.add(filename);
      const key = withoutFinalZeros(name.version);
      const release = byVersion.get(key);
      const read = releaseFile(file, name.kind);
      if (release === undefined) byVersion.set(key, { version: name.version, files: [read] });
      else release.files.push(read);
    }
  }
  const releases: Release[] = [...byVersion.values()];
  return { name: project, releases: releases.toSorted((a, b) => compareVersions(b.version, a.version)), unreadable };
}

/** PEP 440 calls `1.0` and `1.0.0` equal: their files are one release. */
function withoutFinalZeros(version: string): string {
  return version.replace(/^((?:\d+!)?\d+(?:\.\d+)*?)(?:\.0)+(?![.\d])/, '$1');
}

function releaseFile(file: PageFile, kind: 'sdist' | 'wheel'): ReleaseFile {
  const sha256 = readHash(file.hashes, 'sha256');
  const otherHash = sha256 === undefined ? readOtherHash(file.hashes) : undefined;
  const announced = file['core-metadata'] ?? file['dist-info-metadata'] ?? file['data-dist-info-metadata'];
  const metadataSha256 =
    typeof announced === 'object' && announced !== null ? (readHash(announced, 'sha256') ?? true) : announced;
  return {
    filename: file.filename,
    url: file.url,
    kind,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(otherHash === undefined ? {} : { otherHash }),
    ...(typeof file.size !== 'number' ? {} : { bytes: file.size }),
    ...(file['requires-python'] ? { requiresPython: file['requires-python'] } : {}),
    ...(file.yanked === false ? {} : { yanked: file.yanked || true }),
    ...(file['upload-time'] ? { uploadedAt: file['upload-time'] } : {}),
    ...(metadataSha256 ? { metadataSha256 } : {}),
  };
}

/** Names become paths on this host further on. */
function readName(project: string, filename: string): FileName {
  const path = /[/\\]|^\.|\.\.|^-/.test(filename);
  return path ? { unreadable: 'the name holds a path' } : parseFileName(project, filename);
}

const HEX_DIGITS = { sha256: 64, sha384: 96, sha512: 128 } as const;

function readHash(hashes: Readonly<Record<string, string>>, algorithm: keyof typeof HEX_DIGITS): string | undefined {
  const value = hashes[algorithm]?.toLowerCase();
  return value?.length === HEX_DIGITS[algorithm] && /^[0-9a-f]+$/.test(value) ? value : undefined;
}

/** What is weaker than sha256 verifies nothing. */
function readOtherHash(hashes: Readonly<Record<string, string>>): ReleaseFile['otherHash'] {
  for (const algorithm of ['sha512', 'sha384'] as const) {
    const digest = readHash(hashes, algorithm);
    if (digest !== undefined) return { algorithm, digest };
  }
  return undefined;
}

function readJson(page: IndexPage, project: string): PageFile[] {
  let data: unknown;
  try {
    data = JSON.parse(page.body);
  } catch (cause) {
    throw badPage(project, 'it is not JSON although it says so', cause);
  }
  const read = ProjectPage.safeParse(data);
  if (!read.success) {
    const issue = read.error.issues[0];
    throw badPage(project, `${issue?.path.join('.') ?? 'it'}: ${issue?.message ?? 'wrong shape'}`, read.error);
  }
  checkApiVersion(project, read.data.meta['api-version']);
  if (normaliseProject(read.data.name) !== project) throw badPage(project, 'it is the page of another project');
  return read.data.files.map((file) => ({ ...file, url: absolute(file.url, page.url) }));
}

/** PEP 503: one anchor a file, the hash in the fragment, the rest in data attributes (the parser decodes entities). */
function readHtml(page: IndexPage): PageFile[] {
  const files: PageFile[] = [];
  let base = page.url;
  let open: { attributes: Record<string, string>; text: string } | undefined;
  const parser = new Parser({
    onopentag(tag, attributes) {
      if (tag === 'base' && attributes['href'] !== undefined && base === page.url)
        base = absolute(attributes['href'], base);
      if (tag === 'meta' && attributes['name'] === 'pypi:repository-version')
        checkApiVersion('', attributes['content'] ?? '');
      if (tag === 'a') open = { attributes, text: '' };
    },
    ontext(text) {
      if (open !== undefined) open.text += text;
    },
    onclosetag(tag) {
      if (tag !== 'a' || open === undefined) return;
      if (open.attributes['href'] !== undefined) files.push(readAnchor(open.attributes, open.text.trim(), base));
      open = undefined;
    },
  });
  parser.end(page.body);
  return files;
}

function readAnchor(attributes: Readonly<Record<string, string>>, text: string, base: string): PageFile {
  const [href = '', fragment = ''] = (attributes['href'] ?? '').trim().split('#');
  const announced = attributes['data-core-metadata'] ?? attributes['data-dist-info-metadata'];
  const announcedHash = announced === undefined ? {} : parseHash(announced);
  return {
    filename: text || lastSegment(href),
    url: absolute(href, base),
    hashes: parseHash(fragment),
    'requires-python': attributes['data-requires-python'],
    'core-metadata': announced === undefined ? undefined : Object.keys(announcedHash).length > 0 ? announcedHash : true,
    yanked: attributes['data-yanked'] === undefined ? false : attributes['data-yanked'] || true,
  };
}

/** `sha256=…`, possibly among others: `egg=x&sha256=…`. */
function parseHash(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/(?:^|&)(sha256|sha384|sha512|sha1|md5)=([0-9a-fA-F]+)/g)];
  return Object.fromEntries(pairs.map(([, name, value]) => [name ?? '', value ?? '']));
}

function lastSegment(href: string): string {
  const segment = (href.split('?')[0] ?? '').split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The absolute form of an address; what is none stays as it is and is sorted out by `groupFiles`. */
function absolute(href: string, base: string): string {
  return URL.canParse(href, base) ? new URL(href, base).href : href;
}

/** PEP 629: another major version may mean anything. */
function checkApiVersion(project: string, version: string): void {
  if (/^1(\.|$)/.test(version)) return;
  throw badPage(project, `it has the repository version ${version || '(none)'}, and Rennet reads 1.x`);
}

function badPage(project: string, why: string, cause?: unknown): RennetError {
  return new RennetError(
    'bad-index-page',
    `The index page of ${project || 'the project'} cannot be read: ${why}.`,
    "Check that pip's index-url names a Python package index, and that nothing on the way (a proxy, a login page) answers instead.",
    { cause },
  );
}
