/** One file of a release as the index lists it. */
export interface ReleaseFile {
  readonly filename: string;
  /** Absolute address. */
  readonly url: string;
  readonly kind: 'sdist' | 'wheel';
  /** Lower-case hex. */
  readonly sha256?: string;
  /** Where the index gives no sha256 but a longer one; lower-case hex. With neither, nothing can be verified. */
  readonly otherHash?: { readonly algorithm: 'sha384' | 'sha512'; readonly digest: string };
  readonly bytes?: number;
  /** The Requires-Python specifier of the index page. */
  readonly requiresPython?: string;
  /** PEP 592: true, or the reason. */
  readonly yanked?: string | true;
  /** ISO 8601. */
  readonly uploadedAt?: string;
  /** PEP 658/714: the metadata file stands beside the wheel; true when announced without a hash. */
  readonly metadataSha256?: string | true;
}

/** One release of a project: all its files, grouped by version. */
export interface Release {
  /** PEP 440 normal form. */
  readonly version: string;
  readonly files: readonly ReleaseFile[];
}

/** What the index says of a project. */
export interface Project {
  /** PEP 503 normalised. */
  readonly name: string;
  /** Newest first, by PEP 440. */
  readonly releases: readonly Release[];
  /** Files whose names could not be read as sdist or wheel of this project, with the reason. */
  readonly unreadable: readonly { filename: string; reason: string }[];
}

/** Core metadata (METADATA, PKG-INFO), as far as Rennet reads it. All text is hostile. */
export interface CoreMetadata {
  readonly metadataVersion: string;
  readonly name: string;
  readonly version: string;
  readonly summary?: string;
  readonly description?: string;
  readonly descriptionContentType?: string;
  readonly homePage?: string;
  readonly projectUrls: readonly { label: string; url: string }[];
  readonly author?: string;
  readonly authorEmail?: string;
  readonly maintainer?: string;
  readonly maintainerEmail?: string;
  readonly license?: string;
  readonly licenseExpression?: string;
  readonly licenseFiles: readonly string[];
  readonly classifiers: readonly string[];
  readonly keywords?: string;
  readonly requiresPython?: string;
  /** PEP 508 strings as written. */
  readonly requiresDist: readonly string[];
  readonly providesExtra: readonly string[];
  /** Fields that a build may change (PEP 643). */
  readonly dynamic: readonly string[];
  /** Every field in order, with its name as written and at most 300 characters of its value: for the ledger, which accounts for each. */
  readonly fields: readonly { name: string; value: string }[];
}
