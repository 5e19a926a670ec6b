import type { Evidence } from '../../model/evidence.ts';
import type { Recipe } from '../../model/recipe.ts';
import { RECIPE } from '../../model/testing/curd.ts';
import type { AdmitPorts, OfficialNames } from '../admission.ts';

export function evidenceOf(
  wheel: string,
  wheelName = 'curd-1.0-py3-none-any.whl',
  recipe: Partial<Recipe> = {},
): Evidence {
  return { recipe: { ...RECIPE, ...recipe }, wheel, wheelName, facts: { sharedLibraries: [], hookRequirements: [] } };
}

/** A suite with two official modules, one command and one path. */
export const OFFICIAL: OfficialNames = {
  stdlibModules: new Set(['os', 'json', 'test']),
  moduleOwner: (path) => (/^(?:zipp(?:[./]|$)|google\/cloud\/)/.test(path) ? 'python3-zipp' : undefined),
  programOwner: (name) => (name === 'chardet' ? 'python3-chardet' : undefined),
  fileOwner: (path) =>
    new Map([
      ['/usr/share/applications/ls.desktop', 'coreutils'],
      ['/usr/share/man/man5/curd-official.conf.5.gz', 'curd-common'],
      ['/usr/share/locale/ja/LC_MESSAGES/coreutils.mo', 'coreutils'],
      ['/usr/lib/python3/dist-packages/google/README.md', 'python3-zipp'],
      ['/usr/share/whey', 'whey-common'],
      ['/usr/bin/chardet', 'python3-chardet'],
    ]).get(path),
  isNamespace: (folder) => folder === 'google',
  hasPackage: (name) =>
    ['python3-zipp', 'python3-modem', 'python3-wcwidth', 'libc6', 'libgcc-s1', 'python3'].includes(name),
};

export function portsBelow(folder: string): AdmitPorts {
  const published = {
    otherOwners: async (claims: readonly string[], project: string) =>
      new Map(claims.filter((name) => name === 'taken' && project !== 'first-one').map((name) => [name, 'first-one'])),
  };
  return { official: OFFICIAL, published, folder };
}
