import type { Recipe } from '../recipe.ts';
import type { CoreMetadata } from '../release.ts';

/** What a small release called `curd 1.0` says of itself. */
export const METADATA: CoreMetadata = {
  metadataVersion: '2.1',
  name: 'curd',
  version: '1.0',
  projectUrls: [],
  licenseFiles: [],
  classifiers: [],
  requiresDist: [],
  providesExtra: [],
  dynamic: [],
  fields: [],
};

/** The order for `curd 1.0` on bookworm/amd64. */
export const RECIPE: Recipe = {
  project: 'curd',
  version: '1.0',
  target: { suite: 'bookworm', architecture: 'amd64', python: '3.11', pythonFull: '3.11.2', suiteTag: 'deb12' },
  source: {
    filename: 'curd-1.0.tar.gz',
    url: 'https://index.example.org/curd-1.0.tar.gz',
    kind: 'sdist',
    uploadedAt: '2024-05-06T07:08:09Z',
  },
  package: 'python3-curd',
  upstreamVersion: '1.0',
  wheels: [],
  forceOfficial: false,
};
