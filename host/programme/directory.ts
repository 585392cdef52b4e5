/**
 * The programme's documents as the host looks them up while it works: the latest version of each, from
 * the store's documents table. This object owns the cache; nothing else keeps a copy. Whoever commits a
 * document (the admin door) calls `reload` afterwards, and a spend in judgement keeps what it read.
 */
import { PosError } from '../../protocol/index.ts';
import type { Rule } from '../rules/model.ts';
import { type Place, rulesAt } from '../rules/place.ts';
import type { StorePort } from '../store/port.ts';
import { checkDocument, DOCUMENT_KINDS, referencesOf } from './documents.ts';
import type {
  Branch,
  Company,
  Contract,
  DocumentKind,
  Documents,
  Merchant,
  Programme,
  SalePoint,
  TerminalProfile,
  Tier,
} from './model.ts';

export interface Directory {
  /** Throws NOT_FOUND before the programme's own document is provisioned. */
  readonly programme: Programme;
  /** Each look-up gives undefined when there is no such document. */
  merchant(id: string): Merchant | undefined;
  branch(id: string): Branch | undefined;
  terminal(id: string): TerminalProfile | undefined;
  contract(id: string): Contract | undefined;
  tier(id: string): Tier | undefined;
  company(id: string): Company | undefined;
  salePoint(id: string): SalePoint | undefined;
  rule(id: string): Rule | undefined;
  /** The rules that are valid on a business date, in id order; of a place, those that are not bound to another. */
  rules(businessDate: string, place?: Place): readonly Rule[];
  /** All documents of a kind, in id order. */
  all<K extends DocumentKind>(kind: K): readonly Documents[K][];
  /** Those of a kind behind an id (`''`: from the first), in id order, so many at the most. */
  behind<K extends DocumentKind>(kind: K, id: string, max: number): readonly Documents[K][];
  find<K extends DocumentKind>(kind: K, id: string): Documents[K] | undefined;
  /** The latest version of a document, 0 when there is none: a write makes version + 1. */
  version(kind: DocumentKind, id: string): number;
  /** The documents that a body names and that are not here, as `kind id`: the admin door refuses it with these. */
  missing<K extends DocumentKind>(kind: K, body: Documents[K]): readonly string[];
  /**
   * Reads all documents again, or those of one name: whoever wrote one need not have thousands read. One reading
   * after the other, so that none brings back what an earlier one saw. On failure the cache stays as it was.
   */
  reload(one?: DocumentName): Promise<void>;
}

export interface DocumentName {
  readonly kind: DocumentKind;
  readonly id: string;
}

interface Version {
  readonly version: number;
  readonly body: unknown;
}

interface Cache {
  readonly programme: Documents['programme'] | undefined;
  /** The latest version of each document. */
  readonly latest: ReadonlyMap<DocumentKind, ReadonlyMap<string, Version>>;
  /** By rule id, newest first: each version that stands on some date. */
  readonly ruleVersions: ReadonlyMap<string, readonly Rule[]>;
}

/** Lists of rules kept, one for each date, shop and tier that was asked for. */
const RULE_LISTS_MAX = 10_000;

/** Instead of a place: all rules of a date. No merchant, branch, trade or tier is called so. */
const NO_PLACE: Place = { merchantId: '', branchId: '', trade: '', tier: '' };

/** Lists of rules by date and place. Looked up for every sale, so by names that are there and not by one made of them. */
class RuleLists {
  /** By date, merchant and branch. */
  readonly #kept = new Map<string, Map<string, Map<string, Kept[]>>>();
  #count = 0;

  at(businessDate: string, place: Place): readonly Rule[] | undefined {
    const ofBranch = this.#kept.get(businessDate)?.get(place.merchantId)?.get(place.branchId);
    // One branch has one trade and sees a handful of tiers: they are looked through.
    return ofBranch?.find(({ trade, tier }) => tier === place.tier && trade === place.trade)?.rules;
  }

  keep(businessDate: string, { merchantId, branchId, trade, tier }: Place, rules: readonly Rule[]): void {
    if (this.#count >= RULE_LISTS_MAX) {
      this.#kept.clear();
      this.#count = 0;
    }
    this.#count += 1;
    const ofDate = inner(this.#kept, businessDate, () => new Map<string, Map<string, Kept[]>>());
    const ofMerchant = inner(ofDate, merchantId, () => new Map<string, Kept[]>());
    inner(ofMerchant, branchId, () => []).push({ trade, tier, rules });
  }
}

interface Kept {
  readonly trade: string;
  readonly tier: string;
  readonly rules: readonly Rule[];
}

function inner<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** Throws CONFIG_BAD naming the document and field when one in the store is not sound. */
export async function openDirectory(store: Pick<StorePort, 'scan'>): Promise<Directory> {
  let cache = await readAll(store);
  let lists = new RuleLists();
  let reading: Promise<void> = Promise.resolve();

  // Bodies were checked as they were read, so the kind says the type.
  const find = <K extends DocumentKind>(kind: K, id: string) =>
    cache.latest.get(kind)?.get(id)?.body as Documents[K] | undefined;
  const all = <K extends DocumentKind>(kind: K) =>
    [...(cache.latest.get(kind)?.values() ?? [])].map((row) => row.body as Documents[K]);

  return {
    get programme() {
      const programme = cache.programme;
      if (programme === undefined) throw new PosError('NOT_FOUND', 'no programme is provisioned yet');
      return programme;
    },
    merchant: (id) => find('merchant', id),
    branch: (id) => find('branch', id),
    terminal: (id) => find('terminal', id),
    contract: (id) => find('contract', id),
    tier: (id) => find('tier', id),
    company: (id) => find('company', id),
    salePoint: (id) => find('salePoint', id),
    rule: (id) => find('rule', id),
    rules(businessDate, place) {
      const known = lists.at(businessDate, place ?? NO_PLACE);
      if (known !== undefined) return known;
      const valid = [...cache.ruleVersions.values()].flatMap((versions) =>
        standingOn(versions, businessDate),
      );
      const wanted = place === undefined ? valid : rulesAt(valid, place);
      lists.keep(businessDate, place ?? NO_PLACE, wanted);
      return wanted;
    },
    all,
    behind(kind, id, max) {
      const found: Documents[typeof kind][] = [];
      // They lie in id order. To walk 100,000 takes a millisecond or two, to copy or to sort them more.
      for (const [name, { body }] of cache.latest.get(kind) ?? []) {
        if (found.length === max) break;
        if (name > id) found.push(body as Documents[typeof kind]);
      }
      return found;
    },
    find,
    version: (kind, id) => cache.latest.get(kind)?.get(id)?.version ?? 0,
    missing: (kind, body) =>
      referencesOf(kind, body)
        .filter(([wanted, id]) => find(wanted, id) === undefined)
        .map(([wanted, id]) => `${wanted} ${id}`),
    reload(one) {
      const done = reading.then(async () => {
        cache = one === undefined ? await readAll(store) : await readOne(store, cache, one);
        lists = new RuleLists();
      });
      reading = done.catch(() => undefined);
      return done;
    },
  };
}

async function readAll(store: Pick<StorePort, 'scan'>): Promise<Cache> {
  const latest = new Map<DocumentKind, Map<string, Version>>();
  for (const kind of DOCUMENT_KINDS) latest.set(kind, new Map());
  const rules = new Map<string, Version[]>();
  for await (const page of store.scan('documents')) {
    for (const { kind, id, version, body } of page) {
      const known = isKind(kind) ? latest.get(kind) : undefined;
      if (known === undefined)
        throw new PosError('CONFIG_BAD', `document ${kind} ${id}: no such kind of document`);
      const row = { version, body: withVersion(kind, body, version) };
      if (version > (known.get(id)?.version ?? 0)) known.set(id, row);
      if (kind === 'rule') inner(rules, id, () => []).push(row);
    }
  }
  for (const [kind, rows] of latest) {
    for (const { body } of rows.values()) checkDocument(kind, body, 'CONFIG_BAD');
  }
  return cacheOf(latest, new Map([...rules].map(([id, versions]) => [id, reachable(versions)])));
}

/** The cache with the documents of one name read anew. */
async function readOne(
  store: Pick<StorePort, 'scan'>,
  before: Cache,
  { kind, id }: DocumentName,
): Promise<Cache> {
  const versions: Version[] = [];
  for await (const page of store.scan('documents', { kind, id }))
    for (const { version, body } of page) versions.push({ version, body: withVersion(kind, body, version) });
  const last = versions.reduce<Version | null>(
    (max, row) => (row.version > (max?.version ?? 0) ? row : max),
    null,
  );
  if (last === null) return before;
  checkDocument(kind, last.body, 'CONFIG_BAD');
  const ofKind = new Map(before.latest.get(kind)).set(id, last);
  const { ruleVersions } = before;
  return cacheOf(
    new Map(before.latest).set(kind, ofKind),
    kind === 'rule' ? new Map(ruleVersions).set(id, reachable(versions)) : ruleVersions,
  );
}

/** In id order. Throws CONFIG_BAD for a second programme. */
function cacheOf(latest: Cache['latest'], ruleVersions: Cache['ruleVersions']): Cache {
  const [programme, ...others] = latest.get('programme')?.values() ?? [];
  if (others.length > 0)
    throw new PosError('CONFIG_BAD', `${others.length + 1} programmes are provisioned; a host serves one`);
  return {
    latest: new Map([...latest].map(([kind, rows]) => [kind, new Map([...rows].sort(byId))])),
    programme: programme?.body as Documents['programme'] | undefined,
    ruleVersions: new Map([...ruleVersions].sort(byId)),
  };
}

function byId(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

/** A version stands from its first day until a later one begins; one that a later one overtakes never stands. */
function reachable(versions: readonly Version[]): readonly Rule[] {
  const rules: Rule[] = [];
  let laterBegins = '99999999';
  for (const { body } of [...versions].sort((a, b) => b.version - a.version)) {
    if (!(beginOf(body) < laterBegins)) continue;
    checkDocument('rule', body, 'CONFIG_BAD');
    rules.push(body);
    laterBegins = body.validFrom;
  }
  return rules;
}

/** '' for what is no rule, so that it is checked and named. */
function beginOf(body: unknown): string {
  const begin = (body as Partial<Rule> | null)?.validFrom;
  return typeof begin === 'string' ? begin : '';
}

/** The newest version that has begun, unless it has ended: an older one does not come back. */
function standingOn(newestFirst: readonly Rule[], businessDate: string): readonly Rule[] {
  const begun = newestFirst.find((rule) => rule.validFrom <= businessDate);
  if (begun === undefined) return [];
  return begun.validTo === null || businessDate <= begun.validTo ? [begun] : [];
}

/** The row's version is the truth for a body that carries one (contracts and rules). */
function withVersion(kind: string, body: unknown, version: number): unknown {
  const carriesOne = (kind === 'contract' || kind === 'rule') && typeof body === 'object' && body !== null;
  return carriesOne ? { ...body, version } : body;
}

function isKind(kind: string): kind is DocumentKind {
  return (DOCUMENT_KINDS as readonly string[]).includes(kind);
}
