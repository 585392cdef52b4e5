/** What a backup says about itself, and what a restore leaves in the journal. Pure; files are node-backup.ts's. */
import { PosError } from '../../protocol/index.ts';
import { actRecord } from '../journal/act-record.ts';
import type { CommitItem } from '../store/port.ts';

export interface BackupManifest {
  readonly format: 'zunka backup 1';
  /** UTC milliseconds. */
  readonly at: number;
  /** The open business date. */
  readonly businessDate: string;
  /** Of `host.sqlite` in the backup, hex. */
  readonly sha256: string;
  readonly bytes: number;
  /** Where each journal stream ends in it. */
  readonly journal: readonly { readonly stream: string; readonly sequence: number; readonly head: string }[];
  readonly entries: number;
  /** Where its keys are: in the key file of the backup, or in a token, whose copy is its maker's matter. */
  readonly keys: 'file' | 'token';
}

/**
 * Numbers that a restored host does not give: those that were given after the backup stand on slips. At 500
 * transactions a second ten million last five hours and a half; there are a thousand times as many.
 */
export const RRN_SKIPPED = 10_000_000;

/** @throws FILE_DAMAGED when it is no manifest of ours */
export function readManifest(text: string, file: string): BackupManifest {
  try {
    const manifest = JSON.parse(text) as BackupManifest;
    if (manifest.format === 'zunka backup 1' && Array.isArray(manifest.journal)) return manifest;
  } catch {
    // Told below: whatever it is, it is no manifest.
  }
  throw new PosError('FILE_DAMAGED', `${file}: 不是备份清单 is no manifest of a backup`);
}

/** The process whose stream it is, two digits: `host-01` is process 01. */
export const processOf = (stream: string): string => (/\d+$/.exec(stream)?.[0] ?? '').padStart(2, '0');

/**
 * What is committed into a restored store before it serves: who restored it and why, and the numbers that are
 * not given again.
 *
 * @param from what was restored, and where each journal stream ended in it
 * @param businessDate the open one in the backup
 */
export function restoreItem(
  from: {
    readonly subject: string;
    readonly facts: unknown;
    readonly journal: BackupManifest['journal'];
  },
  by: {
    readonly person: string;
    readonly reason: string;
    readonly at: number;
    readonly businessDate: string;
  },
): CommitItem {
  const act = actRecord({
    ...by,
    role: 'admin',
    act: 'store.restore',
    subject: from.subject,
    before: null,
    after: from.facts,
  });
  const guards = from.journal.map(({ stream }) => ({
    kind: 'counter' as const,
    counter: `rrn:${processOf(stream)}`,
    add: RRN_SKIPPED,
    max: null,
  }));
  return { guards, changes: {}, journal: [act] };
}
