/** What lies about after a world has come to order: both journals, books, files, paper, and what was told. */
import {
  type BooksProof,
  exportJournal,
  type FileReading,
  type JournalVerdict,
  proveBooks,
  readBack,
  readNdjson,
  type StoreTables,
  verifyJournal,
} from '../../../host/index.ts';
import { PosError } from '../../../protocol/index.ts';
import { diskFiles } from '../disk/disk-files.ts';
import type { ModelTill } from '../people/model-till.ts';
import { type PaperSlip, paperSlips } from '../people/paper.ts';
import type { Telling } from '../people/told.ts';
import { JOURNAL, type Shop } from '../shop.ts';
import type { World } from '../world.ts';
import { readTerminalRecord, type TerminalRecord } from './terminal-record.ts';

export interface TerminalEvidence extends TerminalRecord {
  readonly paper: readonly PaperSlip[];
  readonly defects: readonly string[];
  /** Where the till was told two different things. */
  readonly tillFaults: readonly string[];
  readonly tillPaid: ModelTill['paid'];
  readonly isInOrder: boolean;
}

export interface Evidence {
  readonly terminals: readonly TerminalEvidence[];
  readonly transactions: readonly StoreTables['transactions'][];
  readonly batches: readonly StoreTables['batches'][];
  readonly differences: readonly StoreTables['differences'][];
  readonly lots: readonly StoreTables['lots'][];
  readonly accounts: readonly StoreTables['accounts'][];
  readonly cards: readonly StoreTables['cards'][];
  readonly books: BooksProof;
  readonly audit: JournalVerdict;
  /** Terminal journal heads that the host's journal names, with the terminal. */
  readonly headsTold: readonly { readonly terminalId: string; readonly head: string }[];
  readonly files: readonly FileReading[];
  readonly told: readonly Telling[];
  readonly opening: ReadonlyMap<string, number>;
  /** Transactions of the host that were there before the world began. */
  readonly before: ReadonlySet<string>;
  /** Batches, `terminal/batch`, that were closed before the world began. */
  readonly closedBefore: ReadonlySet<string>;
  readonly isCleared: boolean;
  /** Failures of the host that its code did not foresee. */
  readonly defects: readonly string[];
}

const SEGMENT = /^segment-\d{6}-batch-\d{6}\.journal$/;

export async function gather(world: World): Promise<Evidence> {
  const { office, told, counters, genesis, staff } = world;
  const { host } = office;
  if (host === null) throw new PosError('INVARIANT', 'the host runs when the evidence is gathered');
  const all = async <T extends keyof StoreTables>(table: T): Promise<readonly StoreTables[T][]> => {
    const rows: StoreTables[T][] = [];
    for await (const page of host.store.scan(table)) rows.push(...page);
    return rows;
  };
  const lines: string[] = [];
  for await (const text of exportJournal(host.store))
    lines.push(...text.split('\n').filter((line) => line !== ''));
  const files: FileReading[] = [];
  for (const row of await all('files')) {
    const bytes = await host.files.read(row.name);
    if (bytes === undefined) throw new PosError('FILE_DAMAGED', `${row.name} is not there`);
    files.push(readBack(row.name, bytes, row));
  }
  return {
    terminals: await Promise.all(
      counters.map(async ({ shop, till, outcome }) => ({
        ...(await terminalEvidence(shop)),
        tillFaults: till.faults,
        tillPaid: till.paid,
        isInOrder: outcome === 'in order',
      })),
    ),
    transactions: await all('transactions'),
    batches: await all('batches'),
    differences: await all('differences'),
    lots: await all('lots'),
    accounts: await all('accounts'),
    cards: await all('cards'),
    books: await proveBooks(host.store),
    audit: await verifyJournal(readNdjson(asLines(lines))),
    headsTold: lines.flatMap((line) => headTold(line, genesis.before)),
    files,
    told: told.tellings,
    opening: genesis.opening,
    before: genesis.before,
    closedBefore: genesis.closedBefore,
    isCleared: staff.isDone,
    defects: office.defects,
  };
}

async function* asLines(lines: readonly string[]): AsyncIterable<string> {
  yield* lines;
}

function headTold(line: string, before: ReadonlySet<string>): Evidence['headsTold'] {
  const { body } = JSON.parse(line) as { readonly body: string };
  const { DE41, TH, transactionId } = JSON.parse(body) as {
    readonly DE41?: string;
    readonly TH?: string | null;
    readonly transactionId?: string;
  };
  if (typeof DE41 !== 'string' || typeof TH !== 'string' || before.has(transactionId ?? '')) return [];
  return [{ terminalId: DE41, head: TH }];
}

async function terminalEvidence(
  shop: Shop,
): Promise<Omit<TerminalEvidence, 'tillFaults' | 'tillPaid' | 'isInOrder'>> {
  // A shop that was given up has no power; its disk can be read all the same.
  const files = diskFiles(shop.disk.mount({ isOn: true, mayHappen: () => true }));
  const names = (await files.list(JOURNAL)).filter((name) => SEGMENT.test(name)).sort();
  const segments = [];
  for (const name of names) segments.push({ name, bytes: await files.read(`${JOURNAL}/${name}`) });
  return {
    ...readTerminalRecord(shop.terminalId, segments),
    paper: paperSlips(shop.devices.printer.slips()),
    defects: shop.defects,
  };
}
