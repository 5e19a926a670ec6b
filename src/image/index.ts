export {
  ensureImages,
  type ImageOptions,
  type ImagePorts,
  listImages,
  readyImages,
  removeImages,
  type VerifiedImage,
  verifyImages,
} from './images.ts';
export type { ImageForm } from './load.ts';
export type { ImageRecord } from './record.ts';
