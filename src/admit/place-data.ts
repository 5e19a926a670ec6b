import { normaliseProject } from '../model/project-name.ts';
import { distributionCommand } from './distribution-commands.ts';
import { isOfCommand } from './companions.ts';
import type { Place } from './place.ts';
import type { RuleContext } from './rules/rule.ts';

/** Gives the place of a data file that it knows, undefined for all others. `rest` is the path below sys.prefix. */
type Placing = (rest: string, context: RuleContext) => Place | undefined;

const MANUAL_PAGE =
  /^(share\/)?man\/((?:[a-z]{2,3}(?:_[A-Z]{2})?(?:@[a-z]+)?\/)?man([1-9]))\/([A-Za-z0-9][A-Za-z0-9._+:-]*\.\3[a-z0-9]*)(?:\.gz)?$/;
const SHARED_FILE =
  /^share\/(?:applications\/[\w.+-]+\.desktop|icons\/hicolor\/(?:\d+x\d+(?:@2)?|scalable|symbolic)\/(?:apps|mimetypes|actions|status)\/[\w.+-]+\.(?:png|svg|svgz|xpm)|pixmaps\/[\w.+-]+\.(?:png|svg|xpm)|metainfo\/[\w.+-]+\.xml)$/;
const JUPYTER =
  /^share\/jupyter\/(?:kernels|nbextensions|labextensions|nbconvert\/templates|voila\/templates)\/[^/]+\/.+$/;
/** Programs, games and administration (man(7)). */
const PROGRAM_SECTIONS: ReadonlySet<string> = new Set(['1', '6', '8']);
/** What is translated at all is translated to one of these. */
const LANGUAGES =
  'de fr es ja zh_CN ru pl it sv pt_BR nl cs tr da uk fi ko hu zh_TW en_GB pt ca vi nb el ro sr sk id'.split(' ');
const TRANSLATION = /^share\/locale\/[A-Za-z@._]{2,20}\/LC_MESSAGES\/([^/]+)\.mo$/;
/** Readable documents that people put at the top of the prefix. */
const DOCUMENT = /^(?:README|CHANGES|NEWS|AUTHORS|CONTRIBUTORS|HISTORY|TODO)[^/]*$/i;

/** In this order; the first that knows the path decides. docs/decisions/0013-shared-paths.md. */
const PLACINGS: readonly Placing[] = [manualPage, command, sharedFile, translation, completion, document, example, own];

/** Data files are meant for below sys.prefix, which is /usr. */
export function placeData(rest: string, context: RuleContext): Place {
  for (const placing of PLACINGS) {
    const place = placing(rest, context);
    if (place) return place;
  }
  if (rest.startsWith('include/')) return { rule: 'headers', detail: 'is a header for compiling against the project' };
  return { rule: 'data-place', detail: "is meant for a folder that is not the package's own" };
}

function data(path: string, note?: string): Place {
  return { kind: 'data', path: `/usr/${path}`, site: '', ...(note === undefined ? {} : { note }) };
}

/**
 * Policy 12.1: manual pages are compressed with gzip -9n; done when the file is taken over. People trust a page as the word of what
 * it is called after, so that is a command of its own or, outside the sections of programs, the project.
 */
function manualPage(rest: string, { recipe, shape, official }: RuleContext): Place | undefined {
  const [, share, folder = '', section = '', page = ''] = MANUAL_PAGE.exec(rest) ?? [];
  if (page === '') return undefined;
  const subject = page.slice(0, page.lastIndexOf('.'));
  const isOwn = PROGRAM_SECTIONS.has(section)
    ? isOfCommand(subject, shape.commands)
    : isOfProject(subject, recipe) || [...shape.commands].some((name) => isAbout(subject, name));
  if (!isOwn) return undefined;
  // Where a translation of the distribution's page would be free, the page itself is not.
  const owner = official.fileOwner(`/usr/share/man/man${section}/${page}.gz`) ?? distributionCommand(subject, official);
  if (owner !== undefined && !recipe.forceOfficial) return undefined;
  return data(`share/man/${folder}/${page}.gz`, share === undefined ? 'manual pages are in share/man' : undefined);
}

function isOfProject(subject: string, { project }: RuleContext['recipe']): boolean {
  const [name = ''] = subject.split('.');
  return normaliseProject(name) === project || isAbout(subject, project);
}

/** `curd.conf` and `curd-types` are about `curd`. */
function isAbout(subject: string, name: string): boolean {
  return subject === name || (subject.startsWith(name) && /^[-._:]/.test(subject.slice(name.length)));
}

/** What is meant for the prefix's own bin is a command like any other. */
function command(rest: string): Place | undefined {
  const name = /^bin\/(.+)$/.exec(rest)?.[1];
  return name === undefined ? undefined : { kind: 'script', path: `/usr/bin/${name}`, site: '' };
}

function sharedFile(rest: string): Place | undefined {
  if (SHARED_FILE.test(rest) || JUPYTER.test(rest)) return data(rest);
  const appdata = /^share\/appdata\/([\w.+-]+\.xml)$/.exec(rest)?.[1];
  return appdata === undefined ? undefined : data(`share/metainfo/${appdata}`, 'AppStream has moved there');
}

/**
 * Programs trust the texts of their own domain, format strings included. A project may call its modules what it likes, so only its
 * own name counts, and only where no program of the distribution has such texts in any language.
 */
function translation(rest: string, { recipe, official }: RuleContext): Place | undefined {
  const domain = TRANSLATION.exec(rest)?.[1];
  if (domain === undefined || !(normaliseProject(domain) === recipe.project || domain === recipe.package))
    return undefined;
  const isOfficial =
    distributionCommand(domain, official) !== undefined ||
    LANGUAGES.some(
      (language) => official.fileOwner(`/usr/share/locale/${language}/LC_MESSAGES/${domain}.mo`) !== undefined,
    );
  return isOfficial && !recipe.forceOfficial ? undefined : data(rest);
}

/** A completion runs in the shell of whoever types the command, so it may only be for a command of its own. */
function completion(rest: string, { shape }: RuleContext): Place | undefined {
  const [, modern, bash = ''] =
    /^(share\/bash-completion\/completions|etc\/bash_completion\.d)\/([^/]+)$/.exec(rest) ?? [];
  const [, fish = ''] = /^share\/fish\/(?:vendor_completions\.d|completions)\/([^/]+)\.fish$/.exec(rest) ?? [];
  if (fish !== '') return shape.commands.has(fish) ? data(`share/fish/vendor_completions.d/${fish}.fish`) : undefined;
  const name = [bash, bash.replace(/(?:[.-](?:bash|sh|completion|bash-completion|bash_completion))+$/, '')].find(
    (each) => shape.commands.has(each),
  );
  if (name === undefined) return undefined;
  const moved = modern?.startsWith('etc') ? 'completions are loaded from there when they are needed' : undefined;
  return data(`share/bash-completion/completions/${name}`, moved);
}

function document(rest: string, { recipe, shape }: RuleContext): Place | undefined {
  if (DOCUMENT.test(rest)) return data(`share/doc/${recipe.package}/${rest}`, 'documents of a package are there');
  const [, folder = '', file = ''] = /^share\/doc\/([^/]+)\/(.+)$/.exec(rest) ?? [];
  const name = normaliseProject(folder.replace(/-\d[\w.+!-]*$/, ''));
  return file !== '' && shape.ownNames.has(name) ? data(`share/doc/${recipe.package}/${file}`) : undefined;
}

/** /etc and services are the administrator's: the package shows what upstream proposes (policy 12.6). */
function example(rest: string, { recipe }: RuleContext): Place | undefined {
  if (!/^(?:etc|(?:lib|share)\/systemd)\/./.test(rest)) return undefined;
  return data(
    `share/doc/${recipe.package}/examples/${rest}`,
    'an example: /etc and services are for the administrator to set up',
  );
}

/** `share/NAME` of its own, where it is wanted; in the package's own folder where the distribution has that one. */
function own(rest: string, { recipe, shape, official }: RuleContext): Place | undefined {
  const [, folder = '', file = ''] = /^share\/([^/]+)\/(.+)$/.exec(rest) ?? [];
  // What packages have in share/doc is not in the archive index, so it would look free for a project of that name.
  if (file === '' || folder === 'doc' || !shape.ownNames.has(normaliseProject(folder))) return undefined;
  const owner = official.fileOwner(`/usr/share/${folder}`);
  if (owner === undefined) return data(rest);
  return data(`share/${recipe.package}/${file}`, `/usr/share/${folder} belongs to ${owner}`);
}
