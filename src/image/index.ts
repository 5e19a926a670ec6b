export {
  ensureImages,
  listImages,
  readyImages,
  verifyImages,
} from './images.ts';
export type { ImageForm } from './load.ts';
