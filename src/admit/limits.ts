/** A wheel of more members or bytes is no package for a system's Python (ADMISSION.md, "Files"). */
export const MAX_FILES = 50_000;
export const MAX_BYTES = 4 * 1024 ** 3;
/** Members are held in memory one at a time by the process that reads. */
export const MAX_MEMBER_BYTES = 512 * 1024 ** 2;
export const MAX_REPORT_BYTES = 64 * 1024 ** 2;
