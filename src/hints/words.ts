import { parseRelation } from '../debian/relation.ts';
import { parseRequirement } from '../python/requirement.ts';

/** Debian policy 5.6.1. */
export function isPackageName(text: string): boolean {
  return /^[a-z0-9][a-z0-9+.-]{1,150}$/.test(text);
}

/** One package with at most a version: no alternatives, no architectures, no profiles. */
export function isRunRelation(text: string): boolean {
  try {
    const { architectures, profiles } = parseRelation(text);
    return text.length <= 300 && architectures === undefined && profiles === undefined;
  } catch {
    return false;
  }
}

/** A PEP 508 requirement that an index can meet. */
export function isBuildRequirement(text: string): boolean {
  try {
    return parseRequirement(text).url === undefined;
  } catch {
    return false;
  }
}

/** Dotted, as `import` takes it. */
export function isModuleName(text: string): boolean {
  return text.length <= 300 && /^[\p{ID_Start}_]\p{ID_Continue}*(?:\.[\p{ID_Start}_]\p{ID_Continue}*)*$/u.test(text);
}
