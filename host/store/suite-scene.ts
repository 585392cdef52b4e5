/** What the groups of `shared-suite.ts` share: a store for each test, rows to put into it, outcomes to look at. */
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import { chainHead, genesisHead, leafHash } from '../journal/record.ts';
import { verifyJournal } from '../journal/verify.ts';
import type { CommitItem, CommitOutcome, KeyValues, StorePort } from './port.ts';
import type { TableName, Tables } from './rows.ts';
import * as sample from './sample-rows.ts';

/** Opens a store on an empty database whose first day is `sample.BUSINESS_DATE`, with stream `test`. */
export type OpenStore = () => Promise<StorePort>;

/** One test with a store of its own, closed whatever happens. */
export function withStore(open: OpenStore, act: (store: StorePort) => Promise<void>): () => Promise<void> {
  return async () => {
    const store = await open();
    try {
      await act(store);
    } finally {
      await store.close();
    }
  };
}

/** Every stream of the journal is linked from its beginning. */
export async function chainsHold(store: StorePort): Promise<void> {
  const verdict = await verifyJournal(store.scanJournal());
  assert.equal(
    verdict.streams.filter(({ wrong }) => wrong !== null),
    [],
  );
}

/** One row of every table; all belong to what `sample.provisioned('A1')` makes. */
export function oneRowEach(): { readonly [T in TableName]?: readonly Tables[T][] } {
  const transaction = sample.transactionRow('X1', {
    ut: 'U1',
    rrn: '000000000009',
    auth: 'ABC123',
    taken: moneyFrom('L-A2'),
  });
  return {
    accounts: [sample.accountRow('A2', { registered: false })],
    cards: [sample.cardRow('K2', 'A2', { pin: null })],
    terminals: [
      sample.terminalRow('T0000001', {
        previousKeysUntil: 5,
        previousKeys: { mode: '005', pik: 'a', mak: 'b', tdk: 'c' },
      }),
    ],
    days: [{ businessDate: '20261121', version: 1, state: 'closed', openedAt: 1, closedAt: 2 }],
    batches: [
      sample.batchRow('T0000001', 7, { state: 'closed', closedAt: 3, closedBy: 'settlement', result: 1 }),
    ],
    lots: [sample.lotRow('L-A2', 'A2', { purse: 'bonus', expiresOn: '20271122' })],
    transactions: [transaction],
    identities: [sample.identityRow(transaction.identity, { transactionId: 'X1', answer: null })],
    entries: [sample.entryRow('E1', 'A1', { corrects: 'E0', branchId: null })],
    uploads: [uploadRow()],
    differences: [
      {
        differenceId: 'D1',
        businessDate: sample.BUSINESS_DATE,
        kind: 'amount',
        terminalId: 'T0000001',
        batch: 1,
        trace: '000001',
        transactionId: null,
        theirs: fen(1),
        ours: fen(2),
        causeZh: '金额不符',
        causeEn: 'amounts differ',
        at: sample.AT,
      },
    ],
    documents: [documentRow()],
    steps: [{ runId: 'R1', step: 'price', output: [1, { a: '返点' }, null], at: sample.AT }],
    files: [
      {
        name: 'M1-20261122-1.csv',
        runId: 'R1',
        kind: 'detail',
        sha256: '0'.repeat(64),
        bytes: 299,
        at: sample.AT,
      },
    ],
    salts: [{ subject: 'account:A1', version: 1, salt: 'b'.repeat(64), at: sample.AT }],
    owedReversals: [
      sample.owedRow('000042', {
        state: 'closed',
        proven: false,
        closedBy: 'people',
        closedAt: sample.AT,
        evidence: { code: '25', rrn: '000000000012', at: sample.AT },
        proposal: {
          person: '王',
          role: 'settlement',
          reason: '设备已换',
          seen: '商户存根',
          outcome: 'never came',
          transactionId: null,
          at: sample.AT,
        },
        approval: { person: '李', role: 'admin', reason: '属实', at: sample.AT },
        toldAfterClosing: sample.AT,
      }),
    ],
  };
}

export function documentRow(id = 'D10'): Tables['documents'] {
  return {
    kind: 'rule',
    id,
    version: 1,
    body: { nameZh: '九折', list: [] },
    person: 'wang',
    reason: '促销',
    at: sample.AT,
  };
}

export function uploadRow(): Tables['uploads'] {
  return {
    terminalId: 'T0000001',
    batch: 1,
    trace: '000001',
    panHash: 'h',
    panMasked: '627788******1234',
    amount: fen(12_800),
    cardClass: '00',
    at: sample.AT,
  };
}

export function moneyFrom(lotId: string): Tables['transactions']['money'] {
  const { money } = sample.transactionRow('X0');
  return money === null ? null : { ...money, lots: [{ lotId, purse: 'bonus', amount: money.paid }] };
}

export async function committed(store: StorePort, ...items: readonly CommitItem[]): Promise<void> {
  for (const outcome of await store.commit(items)) {
    const why = outcome.committed ? '' : (outcome.failure?.detail ?? JSON.stringify(outcome.conflict));
    assert.is(outcome.committed, true, why);
  }
}

export function conflictOf(outcome: CommitOutcome | undefined) {
  return outcome?.committed === false ? outcome.conflict : null;
}

export async function all<T extends TableName>(
  store: StorePort,
  table: T,
  where?: Parameters<StorePort['scan']>[1],
  after?: KeyValues,
): Promise<Tables[T][]> {
  const rows: Tables[T][] = [];
  for await (const page of store.scan(table, where as never, after)) rows.push(...page);
  return rows;
}

export async function journal(store: StorePort, stream?: string, after?: number) {
  const rows = [];
  for await (const page of store.scanJournal(stream, after)) rows.push(...page);
  return rows;
}

export function chainOf(stream: string, bodies: readonly string[]): readonly string[] {
  let head = genesisHead(stream);
  return bodies.map((body) => {
    head = chainHead(head, leafHash(body));
    return head;
  });
}
