import { RennetError } from '../model/errors.ts';
import type { CoreMetadata, ReleaseFile } from '../model/release.ts';
import type { Architecture, TargetFacts } from '../model/target.ts';
import type { IndexClient } from '../python/client.ts';
import { type EntryPoints, parseEntryPoints } from '../python/entry-points.ts';
import { parseMetadata } from '../python/metadata.ts';
import { isPlatformFree, parseFileName, type WheelTags, wheelFits } from '../python/name.ts';
import { parseRecord, type RecordedFile } from '../python/record.ts';

/** What upstream's own build of the release gave. All of it is hostile. */
export interface UpstreamWheel {
  readonly filename: string;
  /** For any platform. */
  readonly pure: boolean;
  readonly files: readonly RecordedFile[];
  readonly metadata?: CoreMetadata;
  readonly entryPoints?: EntryPoints;
}

const GLIBC_OF_ANY = '2.999';
const MACHINES: Readonly<Record<Architecture, string>> = { amd64: 'x86_64', arm64: 'aarch64', i386: 'i686' };

/** Whether the release has a wheel for any platform, wheels for some only, or none at all. */
export function publishedAs(project: string, wheels: readonly ReleaseFile[]): 'none' | 'pure' | 'compiled' {
  const tags = wheels.flatMap((wheel) => tagsOf(project, wheel) ?? []);
  if (tags.length === 0) return 'none';
  return tags.some((each) => isPlatformFree(each)) ? 'pure' : 'compiled';
}

/**
 * The wheel to compare a result with: one that fits the target, best of its own kind (compiled or pure); else one that was
 * made for another Python or another architecture of Linux. None for Windows and macOS: they hold other files.
 */
export function referenceWheel(
  project: string,
  wheels: readonly ReleaseFile[],
  target: TargetFacts,
  compiled: boolean,
): ReleaseFile | undefined {
  const place = { python: target.python, architecture: target.architecture, glibc: GLIBC_OF_ANY };
  const ranked = wheels.flatMap((wheel) => {
    const tags = tagsOf(project, wheel);
    if (tags === undefined) return [];
    const pure = isPlatformFree(tags);
    const [linux, machine] = [/linux/, new RegExp(`linux.*_${MACHINES[target.architecture]}$`)].map(
      (pattern) => pure || tags.platform.some((platform) => pattern.test(platform)),
    );
    if (!linux) return [];
    const rank = [!wheelFits(tags, place), pure === compiled, !machine, !tags.python.some((tag) => tag.includes('3'))];
    return [{ wheel, rank: rank.map(Number).join('') }];
  });
  return ranked.toSorted((a, b) => a.rank.localeCompare(b.rank))[0]?.wheel;
}

/**
 * Reads lists and metadata of a wheel without downloading it. Gives a sentence where the wheel itself cannot be read;
 * RennetError where the index cannot be asked.
 */
export async function readUpstream(
  file: ReleaseFile,
  project: string,
  ownEntryPoints: string | undefined,
  index: Pick<IndexClient, 'metadata' | 'wheelMember'>,
  signal: AbortSignal,
): Promise<UpstreamWheel | { readonly unread: string }> {
  try {
    const record = await index.wheelMember(file, 'RECORD', signal);
    if (record === undefined) return { unread: `The RECORD of ${file.filename} cannot be read from afar.` };
    const files = parseRecord(Buffer.from(record).toString('utf8'));
    const metadata = await index.metadata(file, signal);
    const listed = files.find(({ path }) => /^[^/]+\.dist-info\/entry_points\.txt$/.test(path));
    const same = listed?.sha256 !== undefined && listed.sha256 === ownEntryPoints;
    const entryPoints = listed && !same ? await index.wheelMember(file, 'entry_points.txt', signal) : undefined;
    const tags = tagsOf(project, file);
    return {
      filename: file.filename,
      pure: tags !== undefined && isPlatformFree(tags),
      files,
      ...(metadata && { metadata: parseMetadata(metadata.bytes) }),
      ...(entryPoints && { entryPoints: parseEntryPoints(Buffer.from(entryPoints).toString('utf8')) }),
    };
  } catch (error) {
    if (!(error instanceof RennetError) || error.kind !== 'package') throw error;
    return { unread: `${file.filename} cannot be compared: ${error.message}` };
  }
}

function tagsOf(project: string, { filename }: ReleaseFile): WheelTags | undefined {
  const name = parseFileName(project, filename);
  return name.kind === 'wheel' ? name.tags : undefined;
}
