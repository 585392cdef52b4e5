/** A failure as a person at the console is told it: code, what happened, what to do, in Chinese and English. */
import { PosError } from '../protocol/index.ts';

/** What the system's codes mean; its own words name the path or the address. */
// biome-ignore format: a table is read by column
const SYSTEM: Readonly<Record<string, string>> = {
  EACCES:        '无权限 no permission',
  EPERM:         '无权限 no permission',
  EROFS:         '只读文件系统 a read-only file system',
  ENOSPC:        '磁盘已满 the disk is full',
  ENOENT:        '路径不存在,或所在之处不可写 no such path, or it cannot be made there',
  EEXIST:        '已存在 it is there already',
  ENOTDIR:       '路径中有一段不是目录 a part of the path is no folder',
  EISDIR:        '是目录,不是文件 it is a folder, no file',
  EADDRINUSE:    '端口已被占用:另一程序正在监听 another program listens there already',
  EADDRNOTAVAIL: '本机无此地址 this machine has no such address',
};

export function toldFailure(error: unknown): string {
  if (error instanceof PosError) return `${error.code}: ${error.detail}\n→ ${error.hint}`;
  if (!(error instanceof Error)) return '未知错误 unknown error';
  const { code = '' } = error as NodeJS.ErrnoException;
  const meaning = Object.hasOwn(SYSTEM, code) ? SYSTEM[code] : undefined;
  return meaning === undefined ? error.message : `${meaning} · ${error.message}`;
}
