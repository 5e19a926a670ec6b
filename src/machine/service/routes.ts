import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What one path of a guest's service gives. */
export type Route =
  | { readonly kind: 'file'; readonly path: string; readonly bytes: number }
  /** A folder as a tar archive that is written while it is sent. */
  | { readonly kind: 'tree'; readonly path: string }
  | { readonly kind: 'text'; readonly text: string };

/** Folders of a job's input whose folders are layers, given whole; of all others each file is. */
const TREES = 'layers';
/** Given on demand, not fetched beforehand. */
const MIRROR = 'mirror';
const MAX_ROUTES = 20_000;

/**
 * Everything that the service of a job gives, made before its guest runs: no request ever becomes a path of this host. `/job` is the job's
 * description, `/files` names what belongs into /rennet/in, `/source/…`, `/layers/…`, `/debs/…` and so on are the input's own files by
 * their names, `/mirror/…` is apt's mirror.
 */
export async function routesOf(input: string): Promise<ReadonlyMap<string, Route>> {
  const routes = new Map<string, Route>();
  const files: { path: string; kind: 'file' | 'tree' }[] = [];
  const add = (path: string, route: Route): void => {
    if (routes.size >= MAX_ROUTES) throw new Error(`a job's input has more than ${MAX_ROUTES} files`);
    routes.set(`/${path}`, route);
    if (route.kind !== 'text' && !path.startsWith(`${MIRROR}/`)) files.push({ path, kind: route.kind });
  };
  const walk = async (folder: string): Promise<void> => {
    for (const name of (await readdir(join(input, folder))).toSorted()) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const found = await lstat(join(input, path));
      if (found.isDirectory() && folder === TREES) add(path, { kind: 'tree', path: join(input, path) });
      else if (found.isDirectory()) await walk(path);
      else if (found.isFile()) add(path, { kind: 'file', path: join(input, path), bytes: found.size });
    }
  };
  await walk('');
  const job = routes.get('/job.json');
  if (job !== undefined) routes.set('/job', job);
  add('files', { kind: 'text', text: JSON.stringify({ files }) });
  return routes;
}

/** The route of a request's path. Clients escape more or less of it (apt: `%2b`); a name is never made longer or shorter by that. */
export function findRoute(routes: ReadonlyMap<string, Route>, url: string): Route | undefined {
  try {
    const names = url.split('/').map(decodeURIComponent);
    return names.some((name) => name.includes('/')) ? undefined : routes.get(names.join('/'));
  } catch {
    return undefined; // no UTF-8
  }
}
