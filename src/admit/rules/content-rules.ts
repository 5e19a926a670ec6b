import { posix } from 'node:path';
import type { Architecture } from '../../model/target.ts';
import type { ElfFacts } from '../elf.ts';
import { quoted } from '../../model/text.ts';
import { SITE, type FileRule, type Placed } from './rule.ts';

/** e_machine and class of the targets' own code. */
const MACHINES: Readonly<Record<Architecture, { machine: number; bits: 32 | 64 }>> = {
  amd64: { machine: 62, bits: 64 },
  arm64: { machine: 183, bits: 64 },
  i386: { machine: 3, bits: 32 },
};
const [ET_REL, ET_EXEC, ET_DYN] = [1, 2, 3];
/** The loaders of the ABIs of the targets (System V ABI supplements). */
const LOADERS = new Set(['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1', '/lib/ld-linux.so.2']);

/** Rules on names as text, modes and compiled code. */
export const CONTENT_RULES: readonly FileRule[] = [
  {
    name: 'file-name',
    verdict: 'reject',
    why: 'names with invisible, control or direction characters are made to deceive',
    finds({ path, file }) {
      const bad = /[\p{C}\p{Zl}\p{Zp}\\]/u.test(path) || path.split('/').some((part) => Buffer.byteLength(part) > 255);
      return bad || Buffer.byteLength(path) > 1024 ? `${quoted(file.name)} is no fit file name` : undefined;
    },
  },
  {
    name: 'set-id',
    verdict: 'reject',
    why: "a set-uid or set-gid file gives its owner's rights to whoever runs it",
    finds: ({ file }) =>
      (file.mode & 0o6000) === 0 ? undefined : `${quoted(file.name)} asks for mode ${(file.mode & 0o7777).toString(8)}`,
  },
  elfRule('elf-object', 'drop', 'object files are left over from compiling and nothing loads them', (elf) =>
    'type' in elf && elf.type === ET_REL ? 'is an object file' : undefined,
  ),
  elfRule(
    'elf-malformed',
    'reject',
    'a compiled file that two readers could read differently cannot be judged',
    (elf) => {
      if ('malformed' in elf) return `is a broken ELF file: ${elf.malformed}`;
      return elf.type === ET_DYN || elf.type === ET_EXEC ? undefined : `is an ELF file of type ${elf.type}`;
    },
  ),
  elfRule(
    'elf-architecture',
    'reject',
    'code of another architecture does not run on the target',
    (elf, _, architecture) => {
      const wanted = MACHINES[architecture];
      const fits =
        !('malformed' in elf) && elf.machine === wanted.machine && elf.bits === wanted.bits && elf.littleEndian;
      return fits ? undefined : `is not for ${architecture}`;
    },
  ),
  elfRule('elf-interpreter', 'reject', "only the system's own loader may start a program", (elf) =>
    'malformed' in elf || elf.interpreter === undefined || LOADERS.has(elf.interpreter)
      ? undefined
      : `names the loader ${quoted(elf.interpreter)}`,
  ),
  elfRule(
    'elf-search-path',
    'reject',
    'libraries of other folders would be loaded in place of the checked ones',
    (elf, placed) => {
      const outside = 'malformed' in elf ? undefined : elf.searchPath.find((entry) => !inOwnTree(entry, placed));
      return outside === undefined ? undefined : `has the library search path ${quoted(outside)}`;
    },
  ),
  elfRule('elf-stack', 'reject', 'an executable stack turns every overflow into running code', (elf) =>
    !('malformed' in elf) && elf.executableStack ? 'wants an executable stack' : undefined,
  ),
];

function elfRule(
  name: string,
  verdict: FileRule['verdict'],
  why: string,
  finds: (elf: ElfFacts | { malformed: string }, placed: Placed, architecture: Architecture) => string | undefined,
): FileRule {
  return {
    name,
    verdict,
    why,
    finds(placed, { recipe }) {
      const { elf, name: file } = placed.file;
      const found = elf && finds(elf, placed, recipe.target.architecture);
      return found === undefined ? undefined : `${quoted(file)} ${found}`;
    },
  };
}

/** `$ORIGIN` and folders below the package's own top-level folder; everything absolute, empty or relative is outside. */
function inOwnTree(entry: string, { path, site }: Placed): boolean {
  const rest = /^\$(?:ORIGIN|\{ORIGIN\})(?:\/(.*))?$/.exec(entry)?.[1];
  if (rest === undefined) return /^\$(?:ORIGIN|\{ORIGIN\})$/.test(entry);
  if (rest.includes('$')) return false;
  const folder = posix.dirname(path);
  const resolved = posix.join(folder, rest).replace(/\/$/, '');
  if (resolved === folder) return true;
  const [top = '', ...deeper] = site.split('/');
  const own = `${SITE}${deeper.length > 0 ? top : top.split('.')[0]}`;
  // auditwheel puts libraries beside the package, into `NAME.libs`.
  return [own, `${own}.libs`].some((tree) => resolved === tree || resolved.startsWith(`${tree}/`));
}
